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
  budget_.hold(sizeof(Block));
  return block;
}

void BlockPool::give_back(Block* block) {
  --in_use_;
  budget_.release(sizeof(Block));
  if (kept_ >= most_kept_ || budget_.is_tight()) {
    delete block;
    // What is kept already goes, too, one with each.
    if (budget_.is_tight() && free_ != nullptr) {
      delete std::exchange(free_, free_->next_free);
      --kept_;
    }
    return;
  }
  block->next_free = free_;
  free_ = block;
  ++kept_;
}

}  // namespace halfdoor
