// A fixed pool of worker threads for one caller.
#ifndef PARE_THREADS_H
#define PARE_THREADS_H

#include <stddef.h>

typedef struct pare_pool pare_pool;

// A pool in which `threads` threads work, the caller of pare_pool_run being one of them. NULL where
// memory or threads are lacking, or `threads` is 0. With one thread nothing is started.
pare_pool *pare_pool_create(size_t threads);

// Threads that work in the pool, the caller included.
size_t pare_pool_threads(const pare_pool *pool);

// Calls task(context, index, worker) once for every index below `tasks`, in any order, on any worker
// (0 is the caller), and returns when all are done. Not to be called from within a task.
void pare_pool_run(pare_pool *pool, size_t tasks, void (*task)(void *context, size_t index, size_t worker),
                   void *context);

// Ends the threads and frees the pool; NULL is allowed.
void pare_pool_destroy(pare_pool *pool);

#endif
