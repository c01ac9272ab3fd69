"""multiprocessing.Pool.map, told by lines of JSON on standard input; answers with the milliseconds of each call."""

import json
import multiprocessing
import platform
import sys
import time


def double(value):
    return value * 2


def main():
    workers = int(sys.argv[1])
    with multiprocessing.Pool(workers) as pool:
        print(json.dumps({"version": "Python " + platform.python_version()}), flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            count = request["count"]
            begun = time.perf_counter()
            outputs = pool.map(double, range(count), request.get("chunksize"))
            ms = (time.perf_counter() - begun) * 1000
            assert sum(outputs) == count * (count - 1)
            print(json.dumps({"ms": ms}), flush=True)


if __name__ == "__main__":
    main()
