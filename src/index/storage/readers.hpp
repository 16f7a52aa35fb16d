// Who may still read blocks that the directory no longer leads to.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace vecdot::index {

// This process scans the index from now on, until the memory context is deleted.
void note_scan(Relation index, MemoryContext context);

// Answers for one allocation, while the meta page is locked: a scan that begins later comes upon
// the directory of then.
class Readers {
  public:
    explicit Readers(Relation index) : index_(index) {}

    // Of a block retired at this time (FullTransactionId; 0: seen by nobody).
    bool may_read(uint64 retired_at);

    // None but this process knows the index, nor does it scan it.
    bool none();

  private:
    enum class Answer { unknown, yes, no };

    Relation index_;
    Answer none_ = Answer::unknown;
};

}  // namespace vecdot::index
