// WorkerPool
