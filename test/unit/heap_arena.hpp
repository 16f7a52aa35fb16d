// An arena for tests: blocks that live as long as it does, of exactly the size that was asked for,
// so that a sanitizer sees what lies beyond.
#pragma once

#include <cstdlib>
#include <vector>

#include "core/arena.hpp"

namespace vecdot {

class HeapArena {
  public:
    HeapArena() = default;
    HeapArena(const HeapArena&) = delete;
    HeapArena& operator=(const HeapArena&) = delete;
    ~HeapArena() {
        for (void* block : blocks_) {
            std::free(block);
        }
    }

    core::Arena arena() { return core::Arena(allocate, this); }
    std::size_t bytes() const { return bytes_; }

  private:
    static void* allocate(void* owner, std::size_t bytes) {
        auto* self = static_cast<HeapArena*>(owner);
        void* block = nullptr;
        if (posix_memalign(&block, 64, bytes) != 0) {
            return nullptr;
        }
        self->blocks_.push_back(block);
        self->bytes_ += bytes;
        return block;
    }

    std::vector<void*> blocks_;
    std::size_t bytes_ = 0;
};

}  // namespace vecdot
