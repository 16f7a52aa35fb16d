// Places where a test makes this process wait, so that what takes luck elsewhere happens every
// time.
//
// A test module (test/modules/pause) puts a function where the rendezvous variable of this name
// leads; without it a point costs a look at a pointer.
#pragma once

namespace vecdot::pg {

using TestPoint = void (*)(const char* point);

constexpr const char* test_point_variable = "vecdot_test_point";

// Called once, when the library is loaded.
void find_test_points();

// May ereport. Call it with no page locked.
void test_point(const char* point);

}  // namespace vecdot::pg
