#include "http/body_pipe.h"

namespace halfdoor {

void BodyPipe::reset() {
  bytes_.clear();
  pushed_ = 0;
  end_ = End::open;
}

}  // namespace halfdoor
