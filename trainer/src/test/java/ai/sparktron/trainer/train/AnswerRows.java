package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardWriter;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Shards of answers for runs on preferences: good answers go on by a rule, bad ones at random; and runs of the tiny model on them. */
final class AnswerRows {

    private static final int LONGEST = 10;

    private final Path directory;
    private final TinyRun tiny;
    private final Path train;
    private final Path validation;

    /** With rows of one kind, of training and of validation. */
    AnswerRows(Path directory, String rowForm) throws IOException {
        this.directory = directory;
        this.tiny = new TinyRun(directory);
        this.train = write("train", rowForm, 24, 1);
        this.validation = write("validation", rowForm, 5, 2);
    }

    TinyRun tiny() {
        return tiny;
    }

    Path train() {
        return train;
    }

    /** Rows of one or two twos with a common prompt: a good answer and a bad one, or an answer of either kind with its label and one to another prompt. */
    private Path write(String name, String rowForm, int rows, long seed) throws IOException {
        Path folder = Files.createDirectories(directory.resolve(name));
        Random random = new Random(seed);
        ShardMetadata metadata = ShardMetadata.of("tokenizer", "template", TinyRun.VOCABULARY, 2 * 2 * LONGEST, Packing.BEST_FIT, seed).withRowForm(rowForm);
        try (ShardWriter writer = ShardWriter.create(folder.resolve("part-00000.arrow"), metadata)) {
            for (int row = 0; row < rows; row++) {
                PackedRowBuilder builder = new PackedRowBuilder();
                for (int two = 0; two <= row % 2; two++) {
                    int first = 3 + random.nextInt(TinyRun.VOCABULARY - 3);
                    boolean labelled = rowForm.equals(ShardMetadata.LABELLED);
                    boolean good = !labelled || random.nextInt(3) > 0;
                    add(builder, first, 4 + random.nextInt(LONGEST - 4), good ? null : random, labelled && good ? 1 : 0);
                    add(builder, first, 4 + random.nextInt(LONGEST - 4), random, 0);
                }
                writer.append(builder);
            }
            new ShardManifest(metadata, List.of(writer.finish())).write(folder);
        }
        return folder;
    }

    private static void add(PackedRowBuilder builder, int first, int length, Random random, float number) {
        int[] ids = new int[length];
        int[] labels = new int[length];
        ids[0] = first;
        for (int t = 1; t < length; t++) {
            ids[t] = 3 + (random == null || t == 1 ? ids[t - 1] * 7 + 5 : random.nextInt(1000)) % (TinyRun.VOCABULARY - 3);
        }
        for (int t = 0; t < length; t++) {
            labels[t] = t < 2 ? PackedRowBuilder.IGNORED : ids[t];
        }
        builder.add(ids, labels, null, number);
    }

    /** A run of {@code rlhf}. @param words options and values, of which the last of a name counts */
    TinyRun.Listener run(String name, int ranks, String... words) throws Exception {
        List<String> all = new ArrayList<>(List.of("--num_ranks", Integer.toString(ranks), "--lr", "1e-2", "--micro_batch_size", "1", "--global_batch_size", "4",
                "--lr_decay_style", "constant"));
        for (int i = 0; i < words.length; i += 2) {
            int old = all.indexOf(words[i]);
            if (old >= 0) {
                all.set(old + 1, words[i + 1]);
            } else {
                all.addAll(List.of(words[i], words[i + 1]));
            }
        }
        Options options = TinyRun.options(Command.RLHF, all.toArray(new String[0]));
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(options, train, validation, name), ranks, false, listener);
        return listener;
    }

    /** A run on a grid has the numbers of one on one rank: figures and norms of every step, and of the second evaluation. */
    static void assertSameRuns(TinyRun.Listener one, TinyRun.Listener many) {
        assertEquals(one.steps.size(), many.steps.size());
        for (int step = 0; step < one.steps.size(); step++) {
            double norm = one.steps.get(step).gradientNorm();
            assertEquals(norm, many.steps.get(step).gradientNorm(), 1e-4 * norm, "norm of step " + step);
            assertSame(one.steps.get(step).losses(), many.steps.get(step).losses(), "step " + step);
        }
        assertSame(one.evaluations.get(1).losses(), many.evaluations.get(1).losses(), "evaluation");
    }

    private static void assertSame(Map<String, Double> expected, Map<String, Double> found, String where) {
        assertEquals(expected.keySet(), found.keySet());
        expected.forEach((name, value) -> assertEquals(value, found.get(name), 2e-5 * Math.max(1, Math.abs(value)), where + ": " + name));
    }

    /** Figures of a run's last step. */
    static Map<String, Double> last(TinyRun.Listener listener) {
        return listener.steps.get(listener.steps.size() - 1).losses();
    }
}
