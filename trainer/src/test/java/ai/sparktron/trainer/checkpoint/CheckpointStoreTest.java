package ai.sparktron.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointStoreTest {

    private static final List<Long> SHAPE = List.of(6L, 8L);

    @TempDir
    private Path directory;

    private final ReferenceEngine engine = new ReferenceEngine();
    private final StackArena arena = StackArena.growing("run", engine.memory(), 1 << 20);
    private final Arena.Frame frame = arena.open("test");

    @AfterEach
    void close() {
        frame.close();
        arena.close();
        engine.close();
    }

    /** A slice whose element at global (r, c) is 100 r + c. */
    private StatePiece numbered(GlobalSlice slice) {
        StatePiece piece = empty(slice);
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) slice.elements() * Float.BYTES).order(ByteOrder.nativeOrder());
        for (long i = 0; i < slice.elements(); i++) {
            bytes.putFloat(expected(slice, i));
        }
        piece.numbers().write(0, bytes.flip());
        return piece;
    }

    private StatePiece empty(GlobalSlice slice) {
        return new StatePiece("exp_avg", slice, EngineNumbers.of(engine, frame.tensor(slice.name(), DType.F32, slice.elements())), 0);
    }

    private static float expected(GlobalSlice slice, long i) {
        long element = slice.firstElement() + i;
        return 100 * (slice.firstRow() + element / slice.columns()) + slice.firstColumn() + element % slice.columns();
    }

    private static float[] values(StatePiece piece) {
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) piece.slice().elements() * Float.BYTES).order(ByteOrder.nativeOrder());
        piece.numbers().read(0, bytes);
        float[] values = new float[(int) piece.slice().elements()];
        bytes.rewind().asFloatBuffer().get(values);
        return values;
    }

    private SavedCheckpoint save(CheckpointStore store, long iteration, List<List<GlobalSlice>> slicesOfRanks) {
        Path temporary = store.begin(iteration, "a0");
        List<CheckpointManifest.StateFile> files = new ArrayList<>();
        for (int rank = 0; rank < slicesOfRanks.size(); rank++) {
            files.add(StateWriter.write(CheckpointStore.stateDirectory(temporary, iteration), rank, slicesOfRanks.size(),
                    slicesOfRanks.get(rank).stream().map(this::numbered).toList()));
        }
        return store.commit(temporary, new CheckpointManifest(CheckpointManifest.FORMAT, CheckpointManifest.VERSION, iteration, iteration * 16,
                iteration, 42, slicesOfRanks.size(), true, JsonNodeFactory.instance.objectNode(), files));
    }

    private static GlobalSlice whole() {
        return GlobalSlice.whole("w", SHAPE);
    }

    /** Two column halves of two ranges each: what tensor parallel 2 x distributed optimizer 2 writes. */
    private static List<List<GlobalSlice>> fourRanks() {
        List<List<GlobalSlice>> ranks = new ArrayList<>();
        for (int half = 0; half < 2; half++) {
            for (int range = 0; range < 2; range++) {
                ranks.add(List.of(new GlobalSlice("w", SHAPE, 0, 6, half * 4, 4, range * 11, range == 0 ? 11 : 13)));
            }
        }
        return ranks;
    }

    private void assertReads(SavedCheckpoint checkpoint, GlobalSlice wanted) {
        StatePiece target = empty(wanted);
        try (StateReader reader = new StateReader(checkpoint)) {
            reader.read(target);
        }
        float[] expected = new float[(int) wanted.elements()];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = expected(wanted, i);
        }
        assertArrayEquals(expected, values(target));
    }

    @Test
    void anyGridReadsWhatAnotherWrote() {
        SavedCheckpoint one = save(new CheckpointStore(directory.resolve("one")), 3, List.of(List.of(whole())));
        SavedCheckpoint four = save(new CheckpointStore(directory.resolve("four")), 3, fourRanks());
        for (SavedCheckpoint checkpoint : List.of(one, four)) {
            assertReads(checkpoint, whole());
            assertReads(checkpoint, new GlobalSlice("w", SHAPE, 2, 2, 0, 8, 0, 16));
            assertReads(checkpoint, new GlobalSlice("w", SHAPE, 0, 6, 3, 3, 4, 9));
            fourRanks().forEach(rank -> assertReads(checkpoint, rank.get(0)));
        }
    }

    @Test
    void opensTheNewestCommitted() {
        Path save = directory.resolve("save");
        Path run = RunDirectory.create(save, true, LocalDateTime.of(2026, 1, 2, 3, 4, 5));
        assertEquals("v0-20260102-030405", run.getFileName().toString());
        CheckpointStore store = new CheckpointStore(run);
        save(store, 5, List.of(List.of(whole())));
        save(store, 10, List.of(List.of(whole())));
        StateWriter.write(CheckpointStore.stateDirectory(store.begin(15, "a1"), 15), 0, 1, List.of(numbered(whole()))); // never committed
        assertEquals("v1", RunDirectory.create(save, true, LocalDateTime.now()).getFileName().toString().substring(0, 2));
        for (Path load : List.of(save, run, run.resolve("checkpoint-10"))) {
            assertEquals(10, CheckpointStore.open(load).manifest().iteration(), load.toString());
        }
        assertEquals(5, CheckpointStore.open(run.resolve("checkpoint-5")).manifest().iteration());
        assertTrue(Files.exists(run.resolve("last/iter_0000010/manifest.json")));
        store.begin(20, "a2");
        assertFalse(Files.exists(store.temporaryDirectory(15, "a1")), "what a broken save left is removed");
    }

    @Test
    void keepsTheNewestAndTheBest() {
        CheckpointStore store = new CheckpointStore(directory);
        SavedCheckpoint first = save(store, 1, List.of(List.of(whole())));
        store.markBest(first);
        for (int i = 2; i <= 5; i++) {
            save(store, i, List.of(List.of(whole())));
            store.retire(2);
        }
        assertEquals(List.of("checkpoint-1", "checkpoint-5"), store.list().stream().map(path -> path.getFileName().toString()).toList());
    }

    @Test
    void namesWhatIsDamagedOrMissing() throws IOException {
        CheckpointStore store = new CheckpointStore(directory);
        SavedCheckpoint saved = save(store, 7, List.of(List.of(whole())));
        Path file = saved.stateDirectory().resolve("state-00000-of-00001.safetensors");
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.seek(bytes.length() - 5);
            int value = bytes.read();
            bytes.seek(bytes.length() - 5);
            bytes.write(value ^ 4);
        }
        String flipped = assertThrows(CheckpointException.class, () -> assertReads(CheckpointStore.open(directory), whole())).getMessage();
        assertTrue(flipped.contains("checksum") && flipped.contains("exp_avg/w") && flipped.contains(file.getFileName().toString()), flipped);

        StatePiece other = empty(GlobalSlice.whole("v", SHAPE));
        try (StateReader reader = new StateReader(saved)) {
            assertTrue(assertThrows(CheckpointException.class, () -> reader.read(other)).getMessage().contains("0 of 48 elements of exp_avg/v"));
        }
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.setLength(bytes.length() - 1);
        }
        assertTrue(assertThrows(CheckpointException.class, () -> CheckpointStore.open(directory)).getMessage().contains("manifest says"));
        Files.delete(saved.stateDirectory().resolve(CheckpointManifest.FILE_NAME));
        assertTrue(assertThrows(CheckpointException.class, () -> CheckpointStore.open(directory)).getMessage().contains("not completed"));
        assertTrue(assertThrows(CheckpointException.class, () -> CheckpointStore.open(directory.resolve("none"))).getMessage().contains("--load"));
    }

    @Test
    void tellsPassingFaultsFromLastingOnes() {
        assertTrue(new CheckpointException("x", new IOException("Stale file handle")).mayPass());
        assertFalse(new CheckpointException("x", new IOException("writing failed", new IOException("No space left on device"))).mayPass());
        assertFalse(new CheckpointException("x", new java.nio.file.AccessDeniedException("/save")).mayPass());
        assertFalse(new CheckpointException("a damaged file").mayPass());
    }
}
