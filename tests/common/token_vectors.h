// Tokens that another implementation signed (PyJWT 2.6, and `hmac` of Python's own library for
// those that PyJWT refuses to write), at unix time 1700000000.
#pragma once

#include <string_view>

namespace interlock::token_vectors {

constexpr std::string_view secret = "an-example-secret-of-forty-one-characters";

constexpr std::string_view good =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwMzY"
    "wMH0.YZkv4gZeUwLgC0dJHF5G0QOS9igHGo-X0FefTiexHio";
constexpr std::string_view without_expiry =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSJ9.CLr9UZkpjEEdGr8fYj"
    "hQjZtsenRTzXdMDFUZxb4CJL4";
constexpr std::string_view with_not_before =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsIm5iZiI6MTcwMDAwMDA"
    "wMCwiZXhwIjoxNzAwMDAzNjAwfQ.e0MNgc1z8yNeQAG3DnrnN_aXhga7eJwtHfuqmx90nxA";
constexpr std::string_view with_kid =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjIwMjMtMTEiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvb"
    "SIsImV4cCI6MTcwMDAwMzYwMH0.uQpGySCl1RqHnuZaZobZw9WoOVGRIky21ZkuD_g_b8w";
constexpr std::string_view without_subject =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDM2MDB9.IaFnZyto-x3SEw1K_Y-xawOKa6aKI6"
    "TkMoXw5JVzLR8";
constexpr std::string_view empty_subject =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIiLCJleHAiOjE3MDAwMDM2MDB9.zO7wpw96UoMWF6SOgp"
    "XuVuLA3pJwNk19InOGGJ7s7w0";
constexpr std::string_view numeric_subject =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOjcsImV4cCI6MTcwMDAwMzYwMH0.57XBT5WQQgqlS77BZok"
    "FuXUV9fAKCbNxZuRifA9Bwcs";
constexpr std::string_view fractional_expiry =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwMzY"
    "wMC43NX0.hrLgi0KzEOmQRj_gF7i_os_B0J2vMri0OT7bDBgvlDU";
constexpr std::string_view text_expiry =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6IjE3MDAwMDM"
    "2MDAifQ.bht0qPr8QQOx4kFK-ADPP5f88AQqQ1jxBBRQVFER2cY";
constexpr std::string_view endless_expiry =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MWUzMDB9.Tm"
    "BsKre8rYBKsQJSpH2fwZ0xEoOJdNKZdQcY6gKk_EE";
constexpr std::string_view other_key =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwMzY"
    "wMH0.-pe30XoGlOEKmwp6vRpcQT74VbxkRrz0Cu8U5RO9ai8";
constexpr std::string_view hs512 =
    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwMzY"
    "wMH0.05Fc-iG1lDrJ1p7UB1CM_i_E2iW4zWUq5Uah9pKIXuTntYV3cIEbxMFV1FCgmLRFqJsMZg1szyK4UMidiZE3vg";
constexpr std::string_view none =
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwMzYw"
    "MH0.";
constexpr std::string_view lower_case_algorithm =
    "eyJhbGciOiJoczI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwMzY"
    "wMH0.BLqB8C6ukgFKGoFAvL3X1dU8AYNxhgJQplg0sq4b6HU";
constexpr std::string_view no_algorithm =
    "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwMzYwMH0.Q6NWBcjxUVp52"
    "YpkF9rMV46z0M4eur3A48iigoB3wBk";
constexpr std::string_view two_algorithms =
    "eyJhbGciOiJub25lIiwiYWxnIjoiSFMyNTYifQ.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwM"
    "zYwMH0.jZ9YSNb4UI5238sWBY853t9WNu9pwI8op8WPefBwoxc";
constexpr std::string_view two_algorithms_reversed =
    "eyJhbGciOiJIUzI1NiIsImFsZyI6Im5vbmUifQ.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSIsImV4cCI6MTcwMDAwM"
    "zYwMH0.a2-BBIkKvKRh6tqR9WSgcJ024bzojcfSufzc-8w68kQ";
constexpr std::string_view critical =
    "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYjY0Il0sInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSI"
    "sImV4cCI6MTcwMDAwMzYwMH0.EIU7fbFN2Lv7pYYAdebtDTXaemMAPpf_-J2Fa80wKWg";
constexpr std::string_view payload_not_json =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.aGVsbG8.vGAcK_v4KzTKyJ2Ob4bVrqcnWdqxhxAhi6FHgr3XYpE";
constexpr std::string_view payload_an_array =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.WzEsMl0.VHmnYwpmo9l05_ot9RJnrTVljlC-M_Nlk3bOanT5a0Q";
constexpr std::string_view header_not_json =
    "aGVsbG8.eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSJ9.WrBxAkC9ETHJr3qaG8TOCh1X_X5WLb51pw8-N2aXyGU";

}  // namespace interlock::token_vectors
