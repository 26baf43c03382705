"""Classifies lines of text with Spark: each partition goes through one `compact-kernels classify` process.

    spark-submit pipe.py MODEL INPUT OUTPUT [--command "npx compact-kernels"] [--partitions N]

INPUT holds JSON lines with "id" and "text", or plain lines; OUTPUT is a folder of JSON lines. A process that dies
fails its task, which Spark tries again (spark.task.maxFailures; of a local master the second number of
local[CORES,FAILURES]).
"""

import argparse
import shlex

from pyspark.sql import SparkSession


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--command", default="npx compact-kernels")
    parser.add_argument("--partitions", type=int, help="default: as Spark splits the input")
    parser.add_argument("--master", help="default: what spark-submit says")
    given = parser.parse_args()

    builder = SparkSession.builder.appName("compact-kernels classify")
    if given.master:
        builder = builder.master(given.master)
    spark = builder.getOrCreate()
    lines = spark.sparkContext.textFile(given.input)
    if given.partitions:
        lines = lines.repartition(given.partitions)
    # one thread a process: Spark runs one process a core
    command = f"{given.command} classify {shlex.quote(given.model)} --device cpu --threads 1"
    # checkCode: a process that fails, a line that it could not read among its reasons, fails the task
    lines.pipe(command, checkCode=True).saveAsTextFile(given.output)
    spark.stop()


if __name__ == "__main__":
    main()
