// Where long work may pause.
#pragma once

namespace vecdot::pg {

// Between pages, with none locked: interrupts, and vacuum's cost delay where there is one.
void delay_point();

// So long, or until the latch is set; then interrupts. For whoever looks again and again.
void pause(long milliseconds);

}  // namespace vecdot::pg
