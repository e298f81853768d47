#pragma once

#include "cli/terminal.h"
#include "load/find_rate.h"
#include "load/report.h"

namespace tercel::cli {

// What a load run measured, on stdout: tables for people, or with --json one object.
void print_load_report(const load::Report& report, const Terminal& terminal);
// What a search for a rate found, likewise.
void print_found_rate(const load::FoundRate& found, const load::Target& target, const std::string& url, const Terminal& terminal);

}  // namespace tercel::cli
