// One generation of work at a time: the caller publishes it, everybody takes indices from one counter,
// and the caller leaves when every worker has reported. Waiting spins for some microseconds, since the
// steps of a network follow each other closely, and then sleeps on a futex.
#include "pare_threads.h"

#include <pare_linux.h>
#include <stdatomic.h>
#include <stdint.h>

enum { GREATEST_THREADS = 256 };

// A pause of x86 lasts some forty times as long as the hint of other architectures.
#if defined(__x86_64__)
enum { SPINS = 400 };
#else
enum { SPINS = 10000 };
#endif

typedef struct {
  pare_pool *pool;
  size_t index;
  pare_thread thread;
} pool_worker;

struct pare_pool {
  size_t threads;
  // The work of this generation; written only while every worker waits.
  void (*task)(void *context, size_t index, size_t worker);
  void *context;
  size_t tasks;
  int stop;
  size_t mapped_bytes;
  // Each on a line of its own, so that a worker that spins on one is not disturbed by another.
  _Alignas(64) _Atomic uint32_t generation;
  _Atomic uint32_t sleeping_workers;
  _Alignas(64) _Atomic size_t next;
  _Alignas(64) _Atomic uint32_t pending;
  _Atomic uint32_t sleeping_callers;  // 0 or 1
  _Alignas(64) pool_worker workers[];
};

static inline void spin_hint(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#else
  __asm__ volatile("" ::: "memory");
#endif
}

// `sleepers` is raised before the last look at the word, so that whoever changes it either sees a sleeper
// or the sleeper sees the change.
static void wait_while(const _Atomic uint32_t *word, uint32_t value, _Atomic uint32_t *sleepers) {
  for (int spin = 0; spin < SPINS; spin++) {
    if (atomic_load_explicit(word, memory_order_acquire) != value) return;
    spin_hint();
  }
  atomic_fetch_add(sleepers, 1);
  while (atomic_load(word) == value) pare_futex_wait((const uint32_t *)word, value);
  atomic_fetch_sub(sleepers, 1);
}

static void take_tasks(pare_pool *pool, size_t worker) {
  for (;;) {
    size_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    if (index >= pool->tasks) return;
    pool->task(pool->context, index, worker);
  }
}

static void run_worker(void *pointer) {
  pool_worker *worker = pointer;
  pare_pool *pool = worker->pool;
  for (uint32_t seen = 0;; seen++) {
    wait_while(&pool->generation, seen, &pool->sleeping_workers);
    if (pool->stop) return;
    take_tasks(pool, worker->index);
    if (atomic_fetch_sub(&pool->pending, 1) == 1 && atomic_load(&pool->sleeping_callers))
      pare_futex_wake((const uint32_t *)&pool->pending, 1);
  }
}

static void publish(pare_pool *pool) {
  atomic_fetch_add(&pool->generation, 1);
  if (atomic_load(&pool->sleeping_workers)) pare_futex_wake((const uint32_t *)&pool->generation, GREATEST_THREADS);
}

pare_pool *pare_pool_create(size_t threads) {
  if (threads == 0 || threads > GREATEST_THREADS) return NULL;
  size_t bytes = sizeof(pare_pool) + (threads - 1) * sizeof(pool_worker);
  pare_pool *pool = pare_map_pages(bytes);
  if (!pool) return NULL;
  pool->mapped_bytes = bytes;
  pool->threads = 1;
  for (size_t index = 1; index < threads; index++) {
    pool_worker *worker = &pool->workers[index - 1];
    worker->pool = pool;
    worker->index = index;
    if (pare_thread_start(&worker->thread, run_worker, worker) != 0) {
      pare_pool_destroy(pool);
      return NULL;
    }
    pool->threads++;
  }
  return pool;
}

size_t pare_pool_threads(const pare_pool *pool) { return pool->threads; }

void pare_pool_run(pare_pool *pool, size_t tasks, void (*task)(void *context, size_t index, size_t worker),
                   void *context) {
  if (pool->threads == 1 || tasks <= 1) {
    for (size_t index = 0; index < tasks; index++) task(context, index, 0);
    return;
  }
  pool->task = task;
  pool->context = context;
  pool->tasks = tasks;
  atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->pending, (uint32_t)(pool->threads - 1), memory_order_relaxed);
  publish(pool);
  take_tasks(pool, 0);
  for (;;) {
    uint32_t pending = atomic_load_explicit(&pool->pending, memory_order_acquire);
    if (pending == 0) return;
    wait_while(&pool->pending, pending, &pool->sleeping_callers);
  }
}

void pare_pool_destroy(pare_pool *pool) {
  if (!pool) return;
  pool->stop = 1;
  publish(pool);
  for (size_t index = 1; index < pool->threads; index++) pare_thread_join(&pool->workers[index - 1].thread);
  pare_release_pages(pool, pool->mapped_bytes);
}
