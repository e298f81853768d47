#pragma once

#include <string>
#include <string_view>

#include "serve/server.h"

namespace tercel::transport::http {

// The JSON documents of the protocol that describe the server and its models. Each replaces `out`.

inline constexpr std::string_view kServerName = "tercel";

void write_server_metadata(std::string& out);
void write_model_metadata(const serve::Served& served, const serve::Catalogue& catalogue, std::string& out);
// The model configuration extension, as Triton's clients read it.
void write_model_config(const serve::Served& served, std::string& out);
// The statistics extension: of one model version, or of all versions of `model`, or (empty name) of everything.
void write_statistics(const serve::Catalogue& catalogue, std::string_view model, std::optional<int64_t> version,
                      std::string& out);
// The index of the repository: every version with its state and, where it is not ready, the reason.
void write_repository_index(const serve::Catalogue& catalogue, bool only_ready, std::string& out);

// The flight recorder: requests that missed their deadline, newest first, and the slowest of the last two minutes.
void write_flights(const serve::FlightRecorder::Reading& flights, std::string& out);

}  // namespace tercel::transport::http
