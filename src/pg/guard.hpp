// The wall between C++ exceptions and PostgreSQL's longjmp.
//
// An exception must not reach PostgreSQL, and ereport must not be called inside a catch block (the
// longjmp would leak the exception object). So every function that PostgreSQL calls runs inside
// guard(): a noexcept runner copies what was thrown into a Failure, the catch block ends, and only
// then is the error reported.
//
// The other direction needs discipline: a frame that calls PostgreSQL holds only trivially
// destructible locals, since longjmp skips destructors; a frame that owns C++ objects never calls
// PostgreSQL.
#pragma once

#include <type_traits>
#include <utility>

#include "core/interrupt.hpp"
#include "pg/postgres.hpp"

namespace vecdot::pg {

namespace detail {

// Copies the exception that is being handled into static memory. Call inside a catch block only.
void capture_exception() noexcept;

// Raises what capture_exception() kept, as an ERROR.
[[noreturn]] void report_captured();

template <typename Result, typename Function>
bool run(Function& function, Result& result) noexcept {
    try {
        result = function();
        return true;
    } catch (...) {
        capture_exception();
    }
    return false;
}

}  // namespace detail

// Runs function and returns what it returns; what it throws becomes an ERROR with an SQLSTATE.
template <typename Function>
auto guard(Function&& function) -> decltype(function()) {
    using Result = decltype(function());
    if constexpr (std::is_void_v<Result>) {
        bool done = false;
        auto call = [&] {
            function();
            return true;
        };
        if (!detail::run(call, done)) {
            detail::report_captured();
        }
    } else {
        static_assert(std::is_trivially_destructible_v<Result>);
        Result result{};
        if (!detail::run(function, result)) {
            detail::report_captured();
        }
        return result;
    }
}

// An interrupt that core code polls: it throws when this backend has been asked to cancel or to
// end.
core::Interrupt interrupt();

}  // namespace vecdot::pg

// Defines a version-1 SQL function whose body runs inside the guard:
//     VECDOT_FUNCTION(vector_dims) { PG_RETURN_INT32(...); }
#define VECDOT_FUNCTION(name)                                                          \
    extern "C" {                                                                       \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                          \
    PG_FUNCTION_INFO_V1(name);                                                         \
    }                                                                                  \
    static Datum name##_body(FunctionCallInfo fcinfo);                                 \
    extern "C" Datum name(PG_FUNCTION_ARGS) {                                          \
        return vecdot::pg::guard([fcinfo]() -> Datum { return name##_body(fcinfo); }); \
    }                                                                                  \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
