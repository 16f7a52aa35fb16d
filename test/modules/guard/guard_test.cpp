// Functions that throw, for the test of src/pg/guard: built for the tests, no part of the
// extension.
#include <ctime>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
PG_MODULE_MAGIC;
}

using namespace vecdot;

namespace {

int live_owners = 0;

// Something whose destructor must run when an exception passes.
struct Owner {
    std::vector<char> memory = std::vector<char>(100000, 'x');

    Owner() { ++live_owners; }
    ~Owner() { --live_owners; }
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
};

volatile std::size_t impossible = std::size_t{1} << 62;

void raise(const char* kind) {
    const Owner owner;
    const std::string name(kind);
    if (name == "bad_alloc") {
        throw std::bad_alloc();
    }
    if (name == "new") {
        // Not by a new expression, which the compiler may leave out.
        ::operator delete(::operator new(impossible));
    }
    if (name == "arena") {
        pg::arena().allocate<double>(impossible / 16);
    }
    if (name == "exception") {
        throw std::runtime_error("injected: 100 %s of it");
    }
    if (name == "long exception") {
        throw std::runtime_error(std::string(100000, 'y'));
    }
    if (name == "number") {
        throw 42;
    }
    if (name == "error") {
        core::fail(core::ErrorCode::numeric_out_of_range, "injected value %d of %s", 7, "nine");
    }
    if (name == "detailed error") {
        core::fail_with(core::ErrorCode::index_corrupted, "This is the detail.",
                        "This is the hint.", "injected corruption");
    }
    if (name == "cancelled") {
        core::fail(core::ErrorCode::cancelled, "cancelled by nobody");
    }
}

void raise_at_depth(const char* kind, int depth) {
    const Owner owner;
    if (depth == 0) {
        raise(kind);
    } else {
        raise_at_depth(kind, depth - 1);
    }
}

}  // namespace

// guard_raise(kind text, depth integer) returns integer: 1 if nothing was thrown.
VECDOT_FUNCTION(guard_raise) {
    const char* kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
    raise_at_depth(kind, PG_GETARG_INT32(1));
    PG_RETURN_INT32(1);
}

// guard_report() returns integer: PostgreSQL's own error inside the guard.
VECDOT_FUNCTION(guard_report) {
    ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg("reported inside the guard")));
    PG_RETURN_INT32(0);
}

// guard_owners() returns integer: objects whose destructor has not run.
VECDOT_FUNCTION(guard_owners) {
    PG_RETURN_INT32(live_owners);
}

// guard_wait() returns boolean: waits in C++ code until asked to stop, for half a minute at most.
VECDOT_FUNCTION(guard_wait) {
    const core::Interrupt interrupt = pg::interrupt();
    const auto wait = [&interrupt] {
        const Owner owner;
        for (int i = 0; i < 3000; ++i) {
            interrupt.poll();
            timespec pause{0, 10000000};
            nanosleep(&pause, nullptr);
        }
    };
    wait();
    PG_RETURN_BOOL(false);
}
