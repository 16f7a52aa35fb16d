// Where long work may pause.
#pragma once

namespace vecdot::pg {

// Between pages, with none locked: interrupts, and vacuum's cost delay where there is one.
void delay_point();

}  // namespace vecdot::pg
