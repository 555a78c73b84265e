package ai.sparktron.pipeline.dataset;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.DatasetSpec.Origin;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DatasetSpecTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "data.jsonl                          | PATH         | data.jsonl                     |       |",
        "data.jsonl#500                      | PATH         | data.jsonl                     |       | 500",
        "/a b/c.json:x/y#7                   | PATH         | /a b/c.json                    | x,y   | 7",
        "hdfs://node:8020/d/x.parquet        | PATH         | hdfs://node:8020/d/x.parquet   |       |",
        "s3a://bucket/x:sub#3                | PATH         | s3a://bucket/x                 | sub   | 3",
        "dbfs:/mnt/x                         | PATH         | dbfs:/mnt/x                    |       |",
        "C:\\data\\x.csv#2                   | PATH         | C:\\data\\x.csv                |       | 2",
        "./set                               | PATH         | ./set                          |       |",
        "name#1.jsonl                        | PATH         | name#1.jsonl                   |       |",
        "swift/self-cognition#500            | PATH_OR_HUB  | swift/self-cognition           |       | 500",
        "AI-ModelScope/alpaca-gpt4-data-zh:default | PATH_OR_HUB | AI-ModelScope/alpaca-gpt4-data-zh | default |",
        "HF::owner/name:a/b#10               | HUGGING_FACE | owner/name                     | a,b   | 10",
        "ms::owner/name                      | MODELSCOPE   | owner/name                     |       |",
        "table:db.chats#9                    | TABLE        | db.chats                       |       | 9"})
    void readsPrefixLocationSubsetsAndSample(String text, Origin origin, String location, String subsets, Long sample) {
        DatasetSpec spec = text.startsWith("name#1") ? DatasetSpec.parse(text, "name#1.jsonl"::equals) : DatasetSpec.parse(text);
        assertEquals(new DatasetSpec(origin, location, subsets == null ? List.of() : List.of(subsets.split(",")),
                sample == null ? OptionalLong.empty() : OptionalLong.of(sample)), spec);
        assertEquals(spec, DatasetSpec.parse(spec.toString(), "name#1.jsonl"::equals), "the canonical spelling reads back");
    }

    @Test
    void whatExistsIsTakenWhole() {
        Set<String> there = Set.of("odd:name#3");
        assertEquals("odd:name#3", DatasetSpec.parse("odd:name#3", there::contains).location());
        assertEquals("odd", DatasetSpec.parse("odd:name#3").location());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "#5", "x.jsonl#0", "x.jsonl#", "x.jsonl#-3", "x.jsonl#1.5", "x.jsonl#5k", "XX::a/b", "HF::", "a/b:", "a/b:x//y", "table:"})
    void faultsNameTheValue(String text) {
        IllegalArgumentException fault = assertThrows(IllegalArgumentException.class, () -> DatasetSpec.parse(text));
        assertTrue(fault.getMessage().contains("'" + text + "'") && fault.getMessage().contains("expected"), fault.getMessage());
    }

    @Test
    void samplingTakesWholeCopiesAndThenDrawnRows() {
        for (long rows : new long[] {1, 2, 3, 10, 97, 1000}) {
            for (long wanted : new long[] {1, rows / 2 + 1, rows, rows + 1, 3 * rows + rows / 3}) {
                for (boolean shuffle : new boolean[] {true, false}) {
                    RowSampling sampling = new RowSampling(rows, wanted, 42, shuffle);
                    long[] counted = new long[(int) rows];
                    for (long i = 0; i < wanted; i++) {
                        counted[(int) sampling.rowAt(i)]++;
                    }
                    for (int row = 0; row < rows; row++) {
                        assertEquals(counted[row], sampling.copiesOf(row), "row " + row + " of " + rows + ", " + wanted + " wanted");
                        assertTrue(counted[row] == wanted / rows || counted[row] == wanted / rows + 1);
                    }
                }
            }
        }
        RowSampling first = new RowSampling(10, 3, 1, false);
        assertEquals(List.of(0L, 1L, 2L), List.of(first.rowAt(0), first.rowAt(1), first.rowAt(2)));
    }

    @Test
    void permutationIsABijectionThatDependsOnTheSeed() {
        RowPermutation permutation = new RowPermutation(10_007, 5);
        Set<Long> seen = new HashSet<>();
        int kept = 0;
        int moved = 0;
        for (long i = 0; i < 10_007; i++) {
            long row = permutation.at(i);
            seen.add(row);
            assertEquals(i, permutation.positionOf(row));
            kept += row == i ? 1 : 0;
            moved += row != new RowPermutation(10_007, 6).at(i) ? 1 : 0;
        }
        assertEquals(10_007, seen.size());
        assertTrue(kept < 30 && moved > 9_900, kept + " rows kept their place, " + moved + " differ between two seeds");
    }

    @Test
    void validationTakesAtLeastOneRow() {
        assertEquals(0, RowSampling.validationRows(1000, 1000, 0));
        assertEquals(1, RowSampling.validationRows(50, 50, 0.01));
        assertEquals(10, RowSampling.validationRows(1000, 5000, 0.01));
        assertEquals(5, RowSampling.validationRows(1000, 500, 0.01));
        assertThrows(IllegalArgumentException.class, () -> RowSampling.validationRows(10, 10, 1));
    }
}
