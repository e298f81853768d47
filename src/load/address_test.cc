#include "load/address.h"

#include <gtest/gtest.h>

namespace tercel::load {
namespace {

TEST(Address, UrlsAreTakenApart) {
  const struct {
    const char *url, *host, *port, *authority, *path;
  } cases[] = {
      {"http://127.0.0.1:8000", "127.0.0.1", "8000", "127.0.0.1:8000", ""},
      {"http://models.example/", "models.example", "8000", "models.example:8000", ""},
      {"localhost:80", "localhost", "80", "localhost:80", ""},
      {"http://[::1]:9000/behind/a/proxy/", "::1", "9000", "[::1]:9000", "/behind/a/proxy"},
      {"[::1]", "::1", "8000", "[::1]:8000", ""},
  };
  for (const auto& c : cases) {
    const auto address = parse_url(c.url);
    ASSERT_TRUE(address.ok()) << c.url << ": " << address.error().message();
    EXPECT_EQ(address->host, c.host) << c.url;
    EXPECT_EQ(address->port, c.port) << c.url;
    EXPECT_EQ(address->authority, c.authority) << c.url;
    EXPECT_EQ(address->base_path, c.path) << c.url;
  }
}

TEST(Address, WhatIsNoUrlIsRefused) {
  for (const char* url : {"", "http://", "http://:80", "https://h", "h:0", "h:65536", "h:x", "h:80x", "http://h h", "http://u@h",
                          "http://h/?q", "http://h\r\nX: 1", "http://h:80:90x"})
    EXPECT_FALSE(parse_url(url).ok()) << url;
}

TEST(Address, NobodyListening) {
  const auto endpoint = reach(parse_url("http://127.0.0.1:1").take());
  ASSERT_FALSE(endpoint.ok());
  EXPECT_NE(endpoint.error().message().find("cannot connect to http://127.0.0.1:1: Connection refused; check"),
            std::string::npos);
}

}  // namespace
}  // namespace tercel::load
