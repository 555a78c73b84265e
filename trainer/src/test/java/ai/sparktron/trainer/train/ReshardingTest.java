package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.checkpoint.StateReader;
import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.Ranks;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.train.Grid.Sharing;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that was interrupted goes on on any other grid: weights and optimizer state are read by slices of the whole tensors, each rank its own. */
class ReshardingTest {

    private static final int BEFORE = 4;
    private static final int AFTER = 3;
    /** Each is followed by one or two others. */
    private static final List<Grid> GRIDS = List.of(Grid.ONE_RANK,
            new Grid(2, true, 1, 1, 2, 1, "p2p", Sharing.OPTIMIZER),
            new Grid(1, false, 1, 1, 1, 4, "p2p", Sharing.MODEL),
            new Grid(1, false, 1, 1, 2, 2, "all_gather", Sharing.OPTIMIZER_IN_BUCKETS),
            new Grid(2, false, 1, 1, 1, 2, "p2p", Sharing.REPLICAS),
            new Grid(2, false, 1, 1, 2, 2, "p2p", Sharing.GRADIENTS),
            new Grid(2, true, 2, 1, 1, 2, "p2p", Sharing.OPTIMIZER),
            new Grid(1, false, 2, 1, 2, 1, "p2p", Sharing.MODEL));

    @TempDir
    private Path directory;

    private static Options options(Grid grid, int steps, String... more) {
        String[] words = Stream.of(grid.words().toArray(String[]::new), new String[] {"--train_iters", "" + steps, "--lr_decay_style", "constant", "--clip_grad", "0.3"},
                more).flatMap(Arrays::stream).toArray(String[]::new);
        return TinyRun.options(words);
    }

    private static double[] run(TinyRun tiny, Path train, Grid grid, String name, int steps, String... more) throws Exception {
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(options(grid, steps, more), train, null, name), grid.ranks(), false, listener);
        return listener.losses();
    }

    @Test
    void everyGridContinuesWhatOthersBegan() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Path train = tiny.shards("train", 53, 1);
        double[] whole = run(tiny, train, Grid.ONE_RANK, "whole", BEFORE + AFTER);
        double[] expected = Arrays.copyOfRange(whole, BEFORE, BEFORE + AFTER);
        int continued = 0;
        for (int i = 0; i < GRIDS.size(); i++) {
            run(tiny, train, GRIDS.get(i), "before" + i, BEFORE);
            for (int next : i % 2 == 0 ? new int[] {i + 1, (i + 3) % GRIDS.size()} : new int[] {(i + 1) % GRIDS.size()}) {
                double[] losses = run(tiny, train, GRIDS.get(next), "after" + i + next, BEFORE + AFTER, "--load", directory.resolve("before" + i).toString(), "--finetune",
                        "false");
                assertArrayEquals(expected, losses, 1e-5, GRIDS.get(i) + " continued as " + GRIDS.get(next));
                continued++;
            }
        }
        assertEquals(12, continued);
    }

    /** Bytes read and bytes held of one rank. */
    private record Reading(long bytesRead, long values, long state) {
    }

    /** The files of four ranks, read by eight: each reads what it holds and no more, however the files are cut. */
    @Test
    void eachRankReadsItsOwnSlicesAlone() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        run(tiny, tiny.shards("train", 9, 1), GRIDS.get(4), "saved", 3);
        SavedCheckpoint saved = CheckpointStore.open(directory.resolve("saved"));
        ModelConfig config = ConfigReader.read(tiny.model);
        long whole = config.parameterCount() * Float.BYTES;
        for (Grid grid : List.of(new Grid(2, false, 1, 1, 2, 2, "p2p", Sharing.OPTIMIZER), new Grid(1, false, 1, 1, 4, 2, "p2p", Sharing.MODEL))) {
            List<Reading> readings = read(saved, config, grid);
            assertEquals(8, readings.size());
            for (Reading reading : readings) {
                assertEquals(reading.values() + reading.state(), reading.bytesRead(), grid.toString());
                assertTrue(reading.state() < 2 * whole / 3, "a rank holds its share of the state, not " + reading.state() + " of " + 2 * whole + " bytes");
            }
            long state = readings.stream().mapToLong(Reading::state).sum();
            assertTrue(state >= 2 * whole && state < 2.2 * whole, "moments are read once, but of what tensor-parallel ranks all hold: " + state + " of " + 2 * whole);
        }
    }

    private static List<Reading> read(SavedCheckpoint saved, ModelConfig config, Grid grid) {
        return Ranks.run(InProcessWorld.create(grid.ranks(), Duration.ofSeconds(30)), world -> {
            try (Engine engine = Nd4jEngines.factory(Nd4jEngines.Face.HOST).open(world.rank());
                    StackArena arena = StackArena.growing("run", engine.memory(), 1 << 16);
                    Arena.Frame run = arena.open("run");
                    RankModel model = new RankModel(options(grid, 3), config, engine, world, 20, run);
                    StateReader reader = new StateReader(saved)) {
                List<StatePiece> pieces = new ArrayList<>(model.update().valuesToLoad());
                long values = bytes(pieces);
                pieces.addAll(model.update().optimizerToLoad());
                pieces.forEach(reader::read);
                return new Reading(reader.bytesRead(), values, bytes(pieces) - values);
            }
        });
    }

    private static long bytes(List<StatePiece> pieces) {
        return pieces.stream().mapToLong(piece -> piece.slice().elements() * Float.BYTES).sum();
    }
}
