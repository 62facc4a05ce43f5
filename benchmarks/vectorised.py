"""The cost of a bucket in the vectorised detector: python benchmarks/vectorised.py [BRANDS] [BUCKETS]."""

import sys
import time

import numpy as np

from pipeline.evaluation.vectorised.model import FleetModel


def main(brands: int, buckets: int) -> None:
    rng = np.random.default_rng(1)
    rate = np.exp(rng.uniform(np.log(1 / 12), np.log(10_000 / 12), brands))
    mentions = rng.poisson(rate * rng.gamma(10.0, 0.1, (buckets + 300, brands))).astype(float)
    negatives = rng.binomial(mentions.astype(int), 0.15).astype(float)
    model = FleetModel(brands)
    for index in range(300):
        model.step(index, mentions[index], negatives[index])
    began = time.process_time()
    for index in range(300, 300 + buckets):
        model.step(index, mentions[index], negatives[index])
    spent = (time.process_time() - began) / buckets
    print(f"{brands} brands: {1e3 * spent:.2f} ms per bucket, {1e6 * spent / brands:.3f} us per brand and bucket")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, int(sys.argv[2]) if len(sys.argv) > 2 else 20)
