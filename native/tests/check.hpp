// The test harness: cases that register themselves, and checks that report and continue.
#pragma once

#include <functional>
#include <string>

#include "pcr/error.hpp"

/// Registers a test case; test_main.cpp runs them all.
struct TestCase {
    TestCase(const char* name, void (*run)());
};

void report_failure(const char* file, int line, const std::string& what);

#define TEST_CASE(name)                             \
    static void name();                             \
    static const TestCase name##_case(#name, name); \
    static void name()

#define CHECK(condition)                                    \
    do {                                                    \
        if (!(condition)) {                                 \
            report_failure(__FILE__, __LINE__, #condition); \
        }                                                   \
    } while (false)

/// Checks that the call throws a FormatError whose message contains `words`.
#define CHECK_FORMAT_ERROR(call, words)                                                       \
    do {                                                                                      \
        try {                                                                                 \
            static_cast<void>(call);                                                          \
            report_failure(__FILE__, __LINE__, #call " did not throw");                       \
        } catch (const pcr::FormatError& e) {                                                 \
            if (std::string(e.what()).find(words) == std::string::npos) {                     \
                report_failure(__FILE__, __LINE__, #call " threw: " + std::string(e.what())); \
            }                                                                                 \
        }                                                                                     \
    } while (false)
