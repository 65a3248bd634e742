#include "common/web_url.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

TEST(WebUrl, IsSecureOrLeadsNowhereElse) {
  for (const char* url : {"https://keys.test", "https://keys.test:8443/a?b=c",
                          "http://127.0.0.1:80/keys", "http://localhost/", "http://[::1]:7",
                          "http://metadata.google.internal", "http://169.254.169.254/x"}) {
    EXPECT_TRUE(check_web_url(url).ok()) << url;
  }
  for (const char* url :
       {"", "keys.test", "ftp://keys.test", "file:///etc/passwd", "http://keys.test/", "https://",
        "https://keys.test:0", "https://keys.test:port/", "https://a b/", "https://user@keys.test/",
        "http://127.0.0.1@keys.test/", "http://localhost.keys.test/",
        "http://metadata.google.internal.keys.test/", "https://keys.test/\n", "https://a\\b/"}) {
    EXPECT_FALSE(check_web_url(url).ok()) << url;
  }
}

}  // namespace
}  // namespace interlock
