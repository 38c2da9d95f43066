// The allocator that Embedded Swift calls in a freestanding executable.
//
// Blocks of up to 32 KB come in powers of two from free lists; larger ones are pages of their own
// and go back to the kernel. One thread only: all allocation is done while loading, and the workers of
// a thread pool allocate nothing.
#if !defined(__linux__)

#include "pare_linux.h"
#include "system_calls.h"

enum { SMALLEST_SHIFT = 5, GREATEST_SHIFT = 15, CHUNK = 1 << 16, PAGE = 4096, HEADER = 16 };

// Stands in the HEADER bytes before every block.
typedef struct {
  void *base;
  size_t size;  // shift of a listed block, bytes of a mapped one
} block_header;

_Static_assert(sizeof(block_header) <= HEADER, "the header fits before the block");

typedef struct free_block {
  struct free_block *next;
} free_block;

static free_block *lists[GREATEST_SHIFT + 1];
static uint8_t *chunk, *chunk_end;

static void *take_listed(size_t shift) {
  free_block *block = lists[shift];
  if (block) {
    lists[shift] = block->next;
    return block;
  }
  size_t size = (size_t)1 << shift;
  if ((size_t)(chunk_end - chunk) < size) {
    uint8_t *pages = pare_map_pages(CHUNK);
    if (!pages) return NULL;
    chunk = pages;
    chunk_end = pages + CHUNK;
  }
  void *taken = chunk;
  chunk += size;
  return taken;
}

int posix_memalign(void **result, size_t alignment, size_t count) {
  size_t lead = alignment > HEADER ? alignment : HEADER;
  // A chunk is aligned only to its smallest block, so room is left to move up to the alignment.
  if (count > SIZE_MAX - 2 * lead - PAGE) return ERROR_OUT_OF_MEMORY;
  size_t total = count + 2 * lead;
  size_t size = SMALLEST_SHIFT;
  while (size <= GREATEST_SHIFT && (size_t)1 << size < total) size++;
  uint8_t *base;
  if (size <= GREATEST_SHIFT) {
    base = take_listed(size);
  } else {
    size = (total + PAGE - 1) & ~(size_t)(PAGE - 1);
    base = pare_map_pages(size);
  }
  if (!base) return ERROR_OUT_OF_MEMORY;
  uint8_t *block = (uint8_t *)(((uintptr_t)base + HEADER + lead - 1) & ~(uintptr_t)(lead - 1));
  block_header *header = (block_header *)(block - HEADER);
  header->base = base;
  header->size = size;
  *result = block;
  return 0;
}

void free(void *block) {
  if (!block) return;
  block_header header = *(block_header *)((uint8_t *)block - HEADER);
  if (header.size > GREATEST_SHIFT) {
    pare_release_pages(header.base, header.size);
    return;
  }
  free_block *freed = header.base;
  freed->next = lists[header.size];
  lists[header.size] = freed;
}

#endif
