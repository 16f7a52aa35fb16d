// When cells are split, merged, rewritten and the index calibrated anew: arithmetic alone.
//
// A cell is split beyond half as many rows as there are cells; as splits halve them, an index of N
// rows settles at 1.7 to 2·√N cells, whatever it started from.
#pragma once

#include <cstdint>
#include <span>

namespace vecdot::engine {

// A cell with more live rows than this is split, cells being how many there are.
std::uint64_t split_above(std::uint64_t cells);

// Clustering all rows together may make a cell that has more rows than split_above() allows, and
// that is left as it is. This is the number of rows at which such a cell is split after all; 0 for
// a cell that split_above() allows. It fits the field of the cell's header.
std::uint32_t split_again_above(std::uint64_t rows, std::uint64_t cells);

// A cell with fewer live rows than this is merged with its neighbour; 0 where there is but one.
std::uint64_t merge_below(std::uint64_t cells);

// How many cells a cell that has to be split becomes: 2, or more where splits have been missed. At
// most `most`.
std::uint64_t cells_of_split(std::uint64_t live, std::uint64_t cells, std::uint64_t most);

// A split whose largest part has nearly all of the rows (equal ones) is not worth it.
bool is_split_in_vain(std::uint64_t largest, std::uint64_t live);

// Whether a row so far from the nearest centroid is of a kind that the index has no cell for: rows
// of its kind would be spread over cells of others, and be lost once one of their own comes up. The
// radii are of its cell, and what three quarters of all cells don't exceed.
bool is_unlike(double distance, double radius, double usual_radius);

// Whether a cell may be started with such a row, `started` having been so since cells were counted
// last: among few cells a search finds it anyway, and where rows of no kind come all the time, half
// of the cells are enough.
bool may_start_cell(std::uint64_t cells, std::uint64_t started);

// Whether a row would rather be in a cell that was made after its own: a little, or very much.
// Squared distances.
bool is_stray(double to_other, double to_own);
bool is_far_stray(double to_other, double to_own);

// Whether so many of a cell's rows are worth writing both cells anew.
bool are_strays_due(std::uint64_t strays, std::uint64_t far_strays, std::uint64_t rows);

// Whether a thin cell that isn't empty keeps its rows: as long as there are no more than the
// 2·√rows cells that splits make. k-means and rows of a new kind make thin ones on purpose, and
// under inner product the few longest rows, the nearest of most queries, fill no other cells.
bool is_thin_cell_kept(std::uint64_t cells, std::uint64_t rows);

// Whether vacuum writes a cell anew without its dead entries.
bool is_compaction_due(std::uint64_t live, std::uint64_t dead);

// A guess at the rows of an index with so many cells that nobody has counted.
std::uint64_t rows_of_cells(std::uint64_t cells);

// Inner product: whether so many rows are longer than the scale is made for that all rows are to be
// given another one. Every search reads all of these.
bool is_rescale_due(std::uint64_t long_rows, std::uint64_t rows);

// The length that the new scale is made for, as choose_scale() has it, given those of the long
// rows, which are reordered: twice what the longest hundredth of all rows begins with (of few long
// rows, their longest sixteenth), or a little more than the longest. Rows that are longer still
// stay long rows: all others would be next to zero where lengths are of all orders of magnitude.
double length_of_scale(std::span<double> long_lengths, std::uint64_t rows);

// Whether all rows are to be clustered anew: the number of cells has changed by a third; or by half
// where rows are not exact but decoded, which adds to the errors of their codes each time.
bool is_clustering_due(std::uint64_t cells, std::uint64_t clustered_cells, bool exact);

// Vacuum also does it where the cells were made for many more rows than there are, for example when
// all have been replaced: they are more than splits ever make of these rows, or many, and the rows
// were more when they were clustered last.
bool are_cells_too_many(std::uint64_t cells, std::uint64_t rows, std::uint64_t clustered_rows);

// Whether an inserter may then do it: there are half as many rows more than the last time. Where
// few rows are distinct, clusters come out fewer than the cells that splits make of them.
bool have_rows_grown(std::uint64_t rows, std::uint64_t clustered_rows);

// Upkeep that an inserter has begun and not ended (cancelled, or out of memory or disk) costs no
// other inserter his transaction soon: whether it is tried again, having been begun so often in
// vain, the last time when there were so many cells. After an eighth more cells, a quarter, a half,
// twice as many.
bool is_tried_again(std::uint64_t cells, std::uint64_t cells_then, std::uint64_t times);

// The same for a cell's own upkeep: a split, or a scale for its long rows. rows_then: 0 for never.
bool is_split_tried_again(std::uint64_t rows, std::uint64_t rows_then);

// Whether the stopping rule is to be learnt again: there are a sixteenth more cells, which are an
// eighth more rows, or an eighth fewer. Rows of new kinds are in cells that it does not know, and
// lose recall until then.
// calibrated_cells: when it was learnt last, 0 for never.
bool is_calibration_due(std::uint64_t cells, std::uint64_t calibrated_cells);

// A process that does it while rows are added begins a little earlier, and ends at about the time
// when it is due.
bool is_calibration_near(std::uint64_t cells, std::uint64_t calibrated_cells);

// Where that is long due: a search of an index of few cells, which may double while the rule is
// learnt, opens them all; in a larger one an inserter learns it himself, though it was left to
// another process.
bool is_rule_void(std::uint64_t cells, std::uint64_t calibrated_cells);
bool is_calibration_overdue(std::uint64_t cells, std::uint64_t calibrated_cells);

// Whether an inserter splits a cell himself that was left to another process: it should have been
// two. no_split_below: the header's.
bool is_split_overdue(std::uint64_t live, std::uint64_t cells, std::uint64_t no_split_below);

}  // namespace vecdot::engine
