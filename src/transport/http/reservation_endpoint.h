#pragma once

#include <string>
#include <string_view>

#include "serve/server.h"
#include "transport/http/reply.h"
#include "transport/http/route.h"

namespace tercel::transport::http {

// POST v2/reservations (reserves), POST v2/reservations/ID (renews the lease) and DELETE v2/reservations/ID (releases): writes
// the reply. `body` has kBufferPadding readable bytes behind it.
void answer_reservation(serve::Server& server, const Route& route, Method method, std::string_view body, int64_t now_ns,
                        Reply& reply);

// GET v2/reservations. Replaces `out`.
void write_reservations(serve::Server& server, int64_t now_ns, std::string& out);

}  // namespace tercel::transport::http
