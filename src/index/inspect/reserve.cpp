#include "index/inspect/reserve.hpp"

#include <algorithm>

#include "index/format/versions.hpp"
#include "index/storage/meta.hpp"

namespace vecdot::index {

namespace {

bool is_zero(const void* bytes, Size size) {
    const uint8* at = static_cast<const uint8*>(bytes);
    return std::all_of(at, at + size, [](uint8 byte) { return byte == 0; });
}

bool may_be_used(const Meta& meta) {
    return (meta.parameters.compatible & ~known_compatible) != 0;
}

}  // namespace

void check_meta_reserve(Relation index, const Meta& meta) {
    if (may_be_used(meta)) {
        return;
    }
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_SHARE);
    const KeyColumns& keys = meta.parameters.keys;
    if (!is_zero(meta.parameters.reserved, sizeof meta.parameters.reserved) ||
        !is_zero(keys.reserved, sizeof keys.reserved) ||
        !is_zero(keys.kinds + keys.count, sizeof keys.kinds - keys.count) ||
        !is_zero(payload(BufferGetPage(buffer)) + sizeof(Meta), payload_size - sizeof(Meta))) {
        corrupted(index, meta_block, "there is something in reserved bytes");
    }
    UnlockReleaseBuffer(buffer);
}

void check_cell_reserve(const CellView& view, const Meta& meta, const Slot& slot,
                        BlockNumber slot_block) {
    if (may_be_used(meta)) {
        return;
    }
    if (!is_zero(slot.reserved, sizeof slot.reserved)) {
        corrupted(view.index, slot_block, "there is something in reserved bytes of slot %u",
                  view.cell);
    }
    const Buffer buffer =
        read_page(view.index, view.head, cell_page(view, PageKind::head, 0, 0), BUFFER_LOCK_SHARE);
    const Page page = BufferGetPage(buffer);
    const PageLabel* label = page_label(page);
    const CellHeader* header = reinterpret_cast<const CellHeader*>(payload(page));
    if (!is_zero(header->reserved, sizeof header->reserved) || label->reserved != 0 ||
        !is_zero(label->reserved_too, sizeof label->reserved_too)) {
        corrupted(view.index, view.head, "there is something in reserved bytes");
    }
    UnlockReleaseBuffer(buffer);
}

}  // namespace vecdot::index
