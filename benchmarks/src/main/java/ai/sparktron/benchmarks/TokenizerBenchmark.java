package ai.sparktron.benchmarks;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import ai.sparktron.pipeline.tokenize.Tokenizer;
import ai.sparktron.pipeline.tokenize.TokenizerFile;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Texts to ids on one thread: ours, Hugging Face's library through DJL's public API, and its native calls alone. Half of the texts is encoded
 * before the clock starts, the other half, which the word cache has not seen, is measured; each iteration has a fresh encoder. The score is
 * milliseconds for the number of bytes that the set-up prints; after each iteration the same is printed as megabytes per second of the thread's
 * processor time, which a busy machine disturbs less.
 *
 * <pre>benchmarks/run TokenizerBenchmark -p tokenizer=DIR -p texts=DIR</pre>
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3)
@Measurement(iterations = 5)
@Fork(value = 1, jvmArgsAppend = {"-Xmx3g"})
public class TokenizerBenchmark {

    /** A model directory. */
    @Param("examples/tokenizer")
    String tokenizer;

    /** A folder of UTF-8 files; each line of a .jsonl file is a text, any other file is one. */
    @Param("examples/data")
    String texts;

    private final List<String> seen = new ArrayList<>();
    private final List<String> unseen = new ArrayList<>();
    private Tokenizer ours;
    private Tokenizer.Encoder encoder;
    private HuggingFaceTokenizer peer;
    private long bytes;
    private long cpuNanosBefore;

    @Setup(Level.Trial)
    public void read() throws IOException {
        ours = TokenizerFile.load(Path.of(tokenizer)).tokenizer();
        peer = HuggingFaceTokenizer.newInstance(Files.newInputStream(Path.of(tokenizer, "tokenizer.json")),
                Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false"));
        List<String> all = new ArrayList<>();
        try (Stream<Path> files = Files.walk(Path.of(texts))) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                if (file.toString().endsWith(".jsonl")) {
                    all.addAll(Files.readAllLines(file));
                } else {
                    all.add(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
                }
            }
        }
        Collections.shuffle(all, new Random(1));
        seen.addAll(all.subList(0, all.size() / 2));
        unseen.addAll(all.subList(all.size() / 2, all.size()));
        bytes = unseen.stream().mapToLong(text -> text.getBytes(StandardCharsets.UTF_8).length).sum();
        System.out.println("# " + unseen.size() + " texts, " + bytes + " bytes measured");
    }

    @Setup(Level.Iteration)
    public void fill() {
        encoder = ours.encoder();
        seen.forEach(text -> encoder.encode(text, true));
        cpuNanosBefore = cpuNanos();
    }

    @TearDown(Level.Iteration)
    public void printRate() {
        System.out.printf(Locale.ROOT, "# %.1f MB/s of processor time%n", bytes * 1e3 / (cpuNanos() - cpuNanosBefore));
    }

    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    @TearDown(Level.Trial)
    public void close() {
        peer.close();
    }

    @Benchmark
    public long ours() {
        long tokens = 0;
        for (String text : unseen) {
            tokens += encoder.encode(text, true).length;
        }
        return tokens;
    }

    @Benchmark
    public long djl() {
        long tokens = 0;
        for (String text : unseen) {
            tokens += peer.encode(text).getIds().length;
        }
        return tokens;
    }

    @Benchmark
    public long djlNativeIdsOnly() {
        long tokens = 0;
        for (String text : unseen) {
            long encoding = TokenizersLibrary.LIB.encode(peer.getHandle(), text, false);
            tokens += TokenizersLibrary.LIB.getTokenIds(encoding).length;
            TokenizersLibrary.LIB.deleteEncoding(encoding);
        }
        return tokens;
    }
}
