// How a long loop without PostgreSQL learns that it should stop.
#pragma once

#include "core/error.hpp"

namespace vecdot::core {

// A callback that says whether somebody wants this work to end. poll() throws Error{cancelled}, so
// that owners on the way clean up; src/pg then raises the server's own error. Poll at least every
// few ms.
class Interrupt {
  public:
    using Pending = bool (*)();

    constexpr Interrupt() = default;
    explicit constexpr Interrupt(Pending pending) : pending_(pending) {}

    void poll() const {
        if (pending_ != nullptr && pending_()) {
            fail(ErrorCode::cancelled, "cancelled");
        }
    }

  private:
    Pending pending_ = nullptr;
};

}  // namespace vecdot::core
