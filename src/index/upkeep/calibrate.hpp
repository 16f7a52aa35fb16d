// Calibration in pieces, for the processes of a build; storage.hpp has the whole for one process.
#pragma once

#include "engine/calibration.hpp"
#include "index/storage/directory.hpp"

namespace vecdot::index {

// What one process needs to follow queries through an index that nobody changes. Lives in
// CurrentMemoryContext.
struct CalibrationRun;

// observations: engine::Calibrator::bytes(enough) of memory, zeroed, which the processes share.
CalibrationRun* begin_calibration(Relation index, uint64 seed, void* observations,
                                  uint64 most = engine::Calibrator::enough);

// How many queries there are; the same in each process.
uint32 calibration_queries(const CalibrationRun* run);

// Follows one of them.
void calibrate_query(CalibrationRun* run, uint32 query);

// In one process, when all have been followed: stores what was learnt.
void end_calibration(CalibrationRun* run);

// Learns the stopping rule anew from stored rows (calibrate.cpp); the build calls it after
// bulk_finish(), vacuum and inserters when the number of cells has changed. most: queries.
void calibrate(Relation index, uint64 seed, uint64 most = engine::Calibrator::enough);

// Learns the stopping rule again if the number of cells has changed enough since it was learnt, and
// nobody else is at it.
enum class CalibratedBy { inserter, vacuum, background };
void calibrate_if_due(Relation index, CalibratedBy who);

}  // namespace vecdot::index
