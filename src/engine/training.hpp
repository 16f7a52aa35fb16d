// k-means over a Sample, in steps that several processes can share (Lloyd 1982). Two starts: rows
// at random, and two levels, √k coarse groups and each split on its own; global rounds go on from
// the one with clearly less error, else from two levels.
//
// All state lies in one block of memory. Every process has a Training of its own over it; one of
// them, the leader, calls next() until there is no more work, and has each Task's pieces done, in
// any order, by any process, before it calls next() again. The result does not depend on who did
// what.
#pragma once

#include <memory>

#include "engine/kmeans.hpp"
#include "engine/sample.hpp"

namespace vecdot::engine {

class Training {
  public:
    enum class Step : std::uint32_t { assign, group, mean };
    struct Task {
        Step step;
        std::uint32_t pieces;
    };

    // Of memory, aligned to 64, for rows of the sample and so many clusters wanted.
    static std::size_t bytes(std::size_t rows, std::size_t clusters, std::size_t padded);
    // The parts of it that grow with the rows, and with the clusters.
    static std::size_t bytes_per_row();
    static std::size_t bytes_per_cluster(std::size_t padded);

    // rows and clusters as given to bytes(). Every process; memory of the sample too.
    Training(void* memory, std::size_t rows, std::size_t clusters, const Sample& sample);
    ~Training();
    Training(const Training&) = delete;
    Training& operator=(const Training&) = delete;

    // The leader, before anything else: the first n rows of the sample are there.
    void start(std::size_t n, const KmeansOptions& options);

    // Does what one process must do alone; false when the centroids are found.
    bool next(Task* task, const core::Interrupt& interrupt);

    // Does piece i of a task.
    void work(Step step, std::uint32_t i, const core::Interrupt& interrupt);

    // When next() has returned false.
    std::size_t count() const;
    const float* centroids() const { return centroids_; }

  private:
    struct Shared;

    void start_groups(const core::Interrupt& interrupt);
    void sort_by_cell(std::size_t cells);
    void share_out();
    void gather_groups();
    void assign(std::uint32_t run, const core::Interrupt& interrupt);
    void train_group(std::uint32_t group, const core::Interrupt& interrupt);
    void mean(std::uint32_t part);

    const Sample* sample_;
    std::size_t padded_;
    Shared* shared_;
    float* centroids_;
    float* seeded_;               // those of the first start, set aside
    float* distances_;            // of a row to its centroid
    std::uint32_t* cells_;        // of a row
    std::uint32_t* order_;        // rows by cell
    std::uint32_t* starts_;       // where each cell begins in order_
    std::uint32_t* group_start_;  // its first centroid
    std::uint32_t* group_count_;
    // This process's table of the centroids, for the version of them that it was made from.
    std::unique_ptr<CentroidTable> table_;
    std::uint32_t table_version_ = 0;
};

}  // namespace vecdot::engine
