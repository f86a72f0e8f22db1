#include "base/block.h"

namespace halfdoor {

BlockPool::~BlockPool() {
  HALFDOOR_CHECK(in_use_ == 0);
  while (free_ != nullptr) delete std::exchange(free_, free_->next_free);
}

Block* BlockPool::take() {
  Block* block = free_;
  if (block != nullptr) {
    free_ = block->next_free;
    --kept_;
  } else {
    block = new Block;  // NOLINT: data is deliberately not initialised
    block->pool = this;
  }
  block->references = 1;
  block->filled = 0;
  ++in_use_;
  return block;
}

void BlockPool::give_back(Block* block) {
  --in_use_;
  if (kept_ >= kMostKept) {
    delete block;
    return;
  }
  block->next_free = free_;
  free_ = block;
  ++kept_;
}

}  // namespace halfdoor
