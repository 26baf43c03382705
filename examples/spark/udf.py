"""Classifies a column with a pandas UDF: each task keeps one `compact-kernels classify` process for all its batches.

    spark-submit udf.py MODEL INPUT.jsonl OUTPUT.parquet [--command "npx compact-kernels"]

INPUT has a column "text"; OUTPUT has it, the other columns, "label" and "score". Needs pandas and pyarrow.
"""

import argparse
import json
import shlex
import subprocess
import threading
from collections.abc import Iterator

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf


def classifier(model: str, command: str):
    words = [*shlex.split(command), "classify", model, "--device", "cpu", "--threads", "1", "--input", "jsonl"]

    @pandas_udf("label string, score double")
    def classify(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
        try:
            for texts in batches:
                # written beside the reading: a full pipe would stop both
                lines = [json.dumps({"text": text}) + "\n" for text in texts]
                writer = threading.Thread(target=lambda: (process.stdin.writelines(lines), process.stdin.flush()))
                writer.start()
                answers = []
                for _ in lines:
                    line = process.stdout.readline()
                    if not line:
                        raise RuntimeError(f"{words[0]} ended with {process.wait()} before its last answer")
                    answers.append(json.loads(line))
                writer.join()
                yield pd.DataFrame({"label": [a.get("label") for a in answers], "score": [a.get("score") for a in answers]})
        finally:
            process.stdin.close()
            process.wait()

    return classify


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--command", default="npx compact-kernels")
    given = parser.parse_args()

    spark = SparkSession.builder.appName("compact-kernels classify").getOrCreate()
    classify = classifier(given.model, given.command)
    table = spark.read.json(given.input)
    answered = table.withColumn("answer", classify("text"))
    answered.select(*table.columns, "answer.label", "answer.score").write.mode("errorifexists").parquet(given.output)
    spark.stop()


if __name__ == "__main__":
    main()
