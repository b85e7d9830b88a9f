d=$(mktemp -d)
trap 'rm -rf $d' EXIT
cat >$d/main.py <<'END'
import multiprocessing

def work(n, queue, lock):
    with lock:
        queue.put(n)

if __name__ == "__main__":
    for method in "fork", "spawn", "forkserver":
        context = multiprocessing.get_context(method)
        queue, lock = context.Queue(), context.Lock()
        workers = [context.Process(target=work, args=(n, queue, lock)) for n in (1, 2)]
        for worker in workers:
            worker.start()
        print(method, sum(queue.get() for worker in workers))
        for worker in workers:
            worker.join()
END
python3 $d/main.py
