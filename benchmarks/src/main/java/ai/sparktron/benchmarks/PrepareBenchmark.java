package ai.sparktron.benchmarks;

import ai.sparktron.pipeline.spark.ChatCodec;
import ai.sparktron.pipeline.spark.PrepareJob;
import ai.sparktron.pipeline.spark.PrepareOptions;
import ai.sparktron.pipeline.spark.TokenizerBundle;
import ai.sparktron.pipeline.template.ModelTexts;
import ai.sparktron.pipeline.template.RenderOptions;
import ai.sparktron.pipeline.template.TemplateRegistry;
import ai.sparktron.pipeline.tokenize.TruncationStrategy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;

/**
 * Rows to shards on two cores, as {@code prepare} does it: rows/s, MB/s, and the share of every stage. Run by {@code benchmarks/prepare}.
 *
 * <p>Arguments: directory of a tokenizer; directory with text files that rows are made of; megabytes of rows; passes (the first has a cold JIT).
 */
public final class PrepareBenchmark {

    private static final int MAX_LENGTH = 4096;

    private PrepareBenchmark() {
    }

    public static void main(String[] arguments) throws Exception {
        Path tokenizer = Path.of(arguments[0]);
        Path work = Files.createDirectories(Path.of(System.getProperty("java.io.tmpdir")).resolve("sparktron-prepare"));
        long megabytes = Long.parseLong(arguments[2]);
        Path rows = work.resolve("rows-" + Integer.toHexString(arguments[1].hashCode()) + "-" + megabytes + ".jsonl");
        SyntheticRows.write(rows, texts(Path.of(arguments[1])), megabytes * 1_000_000);
        ModelTexts model = ModelTexts.read(tokenizer, tokenizer);
        ChatCodec codec = new ChatCodec(TokenizerBundle.of(tokenizer, List.of()), new TemplateRegistry().named("qwen3", model),
                RenderOptions.on(LocalDate.of(2026, 1, 1)), ChatCodec.Rows.PLAIN, MAX_LENGTH, TruncationStrategy.DELETE);
        PrepareOptions options = PrepareOptions.builder(List.of(rows.toString()), MAX_LENGTH).reuse(false).build();
        SparkSession spark = SparkSession.builder().master("local[2]").appName("prepare benchmark").config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate();
        spark.sparkContext().setLogLevel("ERROR");
        for (int pass = 1; pass <= Integer.parseInt(arguments[3]); pass++) {
            System.out.println("pass " + pass);
            System.out.println(PrepareJob.builder(options, codec).overwrite(work.resolve("out").toString()).build().run(spark).summary().orElseThrow());
        }
        spark.stop();
    }

    private static List<Path> texts(Path directory) throws Exception {
        try (Stream<Path> files = Files.list(directory)) {
            return new ArrayList<>(files.filter(file -> file.getFileName().toString().startsWith("data.") || file.toString().endsWith(".jsonl")
                    || file.toString().endsWith(".txt")).sorted().toList());
        }
    }
}
