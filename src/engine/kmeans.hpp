// The fast search for the nearest centroid, k-means in one process (training.hpp has it in steps
// for several), and splitting a cell in two.
//
// Works on rotated images. Owns std containers: call it where no PostgreSQL call happens inside.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/arena.hpp"
#include "core/interrupt.hpp"
#include "core/span.hpp"

namespace vecdot::engine {

// Nearest centroid by int8 scan, then exactly among the few that the scan can't tell apart.
class CentroidTable {
  public:
    CentroidTable() = default;
    // centroids: count × padded floats, kept by reference.
    CentroidTable(const float* centroids, std::size_t count, std::size_t padded);

    std::size_t count() const { return count_; }
    std::size_t padded() const { return padded_; }
    const float* centroid(std::size_t i) const { return centroids_ + i * padded_; }

    // cells[i] := nearest centroid of rows + i·padded, i < n; ties to the lowest. distances (may be
    // null): its squared distance.
    void assign(const float* rows, std::size_t n, std::uint32_t* cells, float* distances) const;

  private:
    const float* centroids_ = nullptr;
    std::size_t count_ = 0;
    std::size_t padded_ = 0;
    std::size_t panels_ = 0;
    std::vector<std::uint8_t> codes_;  // panels of 16 centroids, as nearest_in_panels() takes them
    std::vector<float> weight_;        // 2·scale of a centroid's code
    std::vector<float> norm_;          // |c|², +∞ behind the last
    float largest_norm_ = 0;           // of |c|
    float largest_error_ = 0;          // of |c − code|
};

struct KmeansOptions {
    std::size_t clusters;  // wanted; fewer come where the sample has fewer distinct rows
    std::uint64_t seed;
    std::size_t group_rounds = 6;   // Lloyd rounds of each level
    std::size_t global_rounds = 2;  // at least
};

// Centroids that there may be where so many are wanted: each of the coarse groups has one at least.
std::size_t most_clusters(std::size_t wanted);

// Returns centroids, row-major, at most most_clusters(options.clusters), at least one if n > 0.
// sample: n × padded floats. Extra memory: a Sample and a Training (training.hpp). Reproducible:
// depends on the arguments only. Throws what interrupt throws.
std::vector<float> train_kmeans(const float* sample, std::size_t n, std::size_t padded,
                                const KmeansOptions& options, const core::Interrupt& interrupt);
// The same for a frame that owns no C++ memory: writes them to centroids, which has room for
// most_clusters(options.clusters), and returns how many there are.
std::size_t train_kmeans(const float* sample, std::size_t n, std::size_t padded,
                         const KmeansOptions& options, const core::Interrupt& interrupt,
                         float* centroids);

// Splits rows (n × padded, n ≥ 2) in two of similar size for a cell that grew too large: 2 ×
// padded floats. Where all rows are equal the second centroid equals the first. scratch: arena for
// n·8 + 16·padded bytes. Allocates nothing else: may be called in a frame that calls PostgreSQL.
void split_in_two(core::Arena& scratch, const float* rows, std::size_t n, std::size_t padded,
                  std::uint64_t seed, float* centroids, std::uint8_t* side);

// 1.5·√rows, but at least 64 rows a cell; at least 1. (1.5 to 2.2 search about as fast, and
// fewer cells take less room. With 3 a search scores a few (GloVe) to 24 % fewer rows at 0.99, but
// a cell costs as much as 200 rows: GloVe takes a fifth longer.)
std::size_t cells_for(std::size_t rows);

// Rows to sample for so many cells: 128 a cell, at least 10,000 (or all there are).
std::size_t sample_for(std::size_t cells);

}  // namespace vecdot::engine
