#pragma once

#include <string>

#include "load/report.h"

namespace tercel::load {

// The report as one HTML page that needs nothing else: plots are inline SVG, there is no script, no font, no address.
std::string html_page(const Report& report);

}  // namespace tercel::load
