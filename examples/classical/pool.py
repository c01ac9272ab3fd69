"""The classical pool: five processes, five numbers."""
import json
import multiprocessing
import time


def square(n):
    time.sleep(0.2)
    return n * n


if __name__ == "__main__":
    begin = time.perf_counter()
    with multiprocessing.Pool(5) as pool:
        result = pool.map(square, [1, 2, 3, 4, 5])
    print(json.dumps({"result": result, "seconds": time.perf_counter() - begin}))
