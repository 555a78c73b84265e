package ai.sparktron.trainer.comm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.Ranks.Outcome;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every communicator must do. Expected values are computed here, element by element in rank order. */
abstract class CommunicatorContract {

    /** The last is more than one segment of a socket, with a rest; one type is enough for it. */
    private static int[] lengths(DType dtype) {
        return dtype == DType.F32 ? new int[] {0, 1, 3, 7, 1000, 300_001} : new int[] {0, 1, 3, 7, 1000};
    }

    private static final List<DType> TYPES = List.of(DType.F32, DType.F64, DType.BF16, DType.I32, DType.I64);
    private static final Duration LONG = Duration.ofSeconds(30);

    private final List<List<? extends World>> opened = new ArrayList<>();

    /** The ends of a new world. */
    protected abstract List<? extends World> worlds(int size, Duration collectiveTimeout) throws Exception;

    /** Largest world the implementation can have. */
    protected int largest() {
        return 4;
    }

    /** How far a reduced element may be from the sum in rank order, given the sum of the absolute values; nothing where that order is promised. */
    protected double allowed(DType dtype, double magnitude) {
        return 0;
    }

    /** A collective timeout that a late rank passes. */
    protected Duration brief() {
        return Duration.ofMillis(500);
    }

    /** How often ranks are interrupted at some moment. */
    protected int interrupts() {
        return 100;
    }

    private List<? extends World> open(int size, Duration timeout) throws Exception {
        List<? extends World> worlds = worlds(size, timeout);
        opened.add(worlds);
        return worlds;
    }

    @AfterEach
    void leave() {
        opened.forEach(Ranks::close);
    }

    private static Tensor values(DType dtype, int length, int rank) {
        Tensor tensor = HostTensors.of(dtype, length);
        Random random = new Random(31L * length + rank);
        for (int i = 0; i < length; i++) {
            double value = dtype.isFloatingPoint() ? random.nextGaussian() * Math.pow(10, random.nextInt(6)) : random.nextInt(2000) - 1000;
            HostTensors.set(tensor, i, value);
        }
        return tensor;
    }

    /** In rank order, rounded as the type says. */
    private static double reduced(DType dtype, Reduction reduction, List<Tensor> inputs, int index) {
        double total = HostTensors.get(inputs.get(0), index);
        for (Tensor input : inputs.subList(1, inputs.size())) {
            double next = HostTensors.get(input, index);
            double exact = reduction == Reduction.SUM ? total + next : Math.max(total, next);
            total = dtype == DType.F32 || dtype == DType.BF16 ? (float) exact : exact;
        }
        if (dtype == DType.BF16) {
            int bits = Float.floatToRawIntBits((float) total);
            int down = bits & 0xFFFF0000;
            int rest = bits & 0xFFFF;
            boolean up = rest > 0x8000 || rest == 0x8000 && (down & 0x10000) != 0;
            return Float.intBitsToFloat(up ? down + 0x10000 : down);
        }
        return total;
    }

    private void assertReduced(List<Tensor> inputs, Reduction reduction, int from, Tensor actual) {
        for (int i = 0; i < actual.elements(); i++) {
            int index = from + i;
            double magnitude = inputs.stream().mapToDouble(input -> Math.abs(HostTensors.get(input, index))).sum();
            double expected = reduced(actual.dtype(), reduction, inputs, index);
            double got = HostTensors.get(actual, i);
            if (expected != got && (reduction != Reduction.SUM || !(Math.abs(expected - got) <= allowed(actual.dtype(), magnitude)))) {
                assertEquals(expected, got, actual + " " + reduction + " element " + i);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void reducesInRankOrder(int size) throws Exception {
        List<? extends World> worlds = open(Math.min(size, largest()), LONG);
        int ranks = worlds.size();
        for (DType dtype : TYPES) {
            for (int length : lengths(dtype)) {
                List<Tensor> inputs = IntStream.range(0, ranks).mapToObj(r -> values(dtype, length * ranks, r)).toList();
                for (Reduction reduction : Reduction.values()) {
                    Ranks.run(worlds, world -> {
                        Communicator all = world.all("all");
                        Tensor whole = values(dtype, length * ranks, world.rank());
                        all.allReduce(whole, reduction);
                        assertReduced(inputs, reduction, 0, whole);
                        Tensor input = values(dtype, length * ranks, world.rank());
                        Tensor part = HostTensors.of(dtype, length);
                        all.reduceScatter(input, part, reduction);
                        assertReduced(inputs, reduction, length * world.rank(), part);
                        Tensor own = input.rows((long) length * world.rank(), length);
                        all.reduceScatter(input, own, reduction);
                        assertReduced(inputs, reduction, length * world.rank(), own);
                        return null;
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void movesElementsUnchanged(int size) throws Exception {
        List<? extends World> worlds = open(Math.min(size, largest()), LONG);
        int ranks = worlds.size();
        for (DType dtype : TYPES) {
            for (int length : lengths(dtype)) {
                Ranks.run(worlds, world -> {
                    Communicator all = world.all("all");
                    Tensor gathered = HostTensors.of(dtype, (long) length * ranks);
                    all.allGather(values(dtype, length, world.rank()), gathered);
                    Tensor inPlace = HostTensors.of(dtype, (long) length * ranks);
                    Tensor own = inPlace.rows((long) length * world.rank(), length);
                    HostTensors.bytes(own).put(HostTensors.bytes(values(dtype, length, world.rank())));
                    all.allGather(own, inPlace);
                    for (int r = 0; r < ranks; r++) {
                        assertSame(values(dtype, length, r), gathered.rows((long) length * r, length));
                        assertSame(values(dtype, length, r), inPlace.rows((long) length * r, length));
                    }
                    for (int root = 0; root < ranks; root++) {
                        Tensor tensor = values(dtype, length, world.rank());
                        all.broadcast(tensor, root);
                        assertSame(values(dtype, length, root), tensor);
                    }
                    Tensor exchanged = HostTensors.of(dtype, (long) length * ranks);
                    all.allToAll(values(dtype, length * ranks, world.rank()), exchanged);
                    for (int r = 0; r < ranks; r++) {
                        Tensor theirs = values(dtype, length * ranks, r).rows((long) length * world.rank(), length);
                        assertSame(theirs, exchanged.rows((long) length * r, length));
                    }
                    all.barrier();
                    return null;
                });
            }
        }
    }

    private static void assertSame(Tensor expected, Tensor actual) {
        assertEquals(-1, HostTensors.bytes(expected).mismatch(HostTensors.bytes(actual)), "first byte that differs in " + actual);
        assertEquals(expected.elements(), actual.elements());
    }

    @Test
    void exchangesUnevenParts() throws Exception {
        List<? extends World> worlds = open(largest(), LONG);
        int ranks = worlds.size();
        Ranks.run(worlds, world -> {
            long[] sends = new long[ranks];
            long[] receives = new long[ranks];
            for (int r = 0; r < ranks; r++) {
                sends[r] = (world.rank() * 7L + r * 3L) % 5;
                receives[r] = (r * 7L + world.rank() * 3L) % 5;
            }
            Tensor input = HostTensors.of(DType.F32, 5L * ranks);
            int at = 0;
            for (int r = 0; r < ranks; r++) {
                for (int i = 0; i < sends[r]; i++) {
                    HostTensors.set(input, at++, world.rank() * 100 + r * 10 + i);
                }
            }
            Tensor output = HostTensors.of(DType.F32, 5L * ranks);
            world.all("all").allToAll(input, sends, output, receives);
            at = 0;
            for (int r = 0; r < ranks; r++) {
                for (int i = 0; i < receives[r]; i++) {
                    assertEquals(r * 100 + world.rank() * 10 + i, HostTensors.get(output, at++));
                }
            }
            return null;
        });
    }

    /** The pattern of a pipeline: everyone sends first, both ways, more than a socket buffers. */
    @Test
    void sendsBothWaysAtOnceWithoutDeadlock() throws Exception {
        List<? extends World> worlds = open(largest(), LONG);
        int ranks = worlds.size();
        int length = 1 << 20;
        Ranks.run(worlds, world -> {
            Communicator all = world.all("all");
            List<Transfer> sent = new ArrayList<>();
            for (int round = 0; round < 3; round++) {
                for (int peer = 0; peer < ranks; peer++) {
                    Tensor message = HostTensors.of(DType.F32, length);
                    HostTensors.set(message, length - 1, world.rank() * 10 + round);
                    sent.add(all.send(message, peer));
                    HostTensors.set(message, 0, round);
                }
            }
            for (int peer = 0; peer < ranks; peer++) {
                List<Tensor> got = IntStream.range(0, 3).mapToObj(r -> HostTensors.of(DType.F32, length)).toList();
                int from = peer;
                List<Transfer> transfers = got.stream().map(tensor -> all.receive(tensor, from)).toList();
                transfers.get(2).await();
                for (int round = 0; round < 3; round++) {
                    transfers.get(round).await();
                    assertTrue(transfers.get(round).isDone());
                    assertEquals(peer * 10 + round, HostTensors.get(got.get(round), length - 1), "messages of a pair keep their order");
                }
            }
            sent.forEach(Transfer::await);
            return null;
        });
    }

    @Test
    void groupsWorkApartAndInTheirOwnOrder() throws Exception {
        if (largest() < 4) {
            return;
        }
        List<? extends World> worlds = open(4, LONG);
        Ranks.run(worlds, world -> {
            Communicator parity = world.group("parity-" + world.rank() % 2, List.of(2 + world.rank() % 2, world.rank() % 2));
            assertEquals(world.rank() < 2 ? 1 : 0, parity.rank());
            Communicator all = world.all("all");
            for (int round = 0; round < 50; round++) {
                Tensor gathered = HostTensors.of(DType.F32, 2);
                parity.allGather(HostTensors.floats(world.rank() + round), gathered);
                assertArrayEquals(new float[] {2 + world.rank() % 2 + round, world.rank() % 2 + round}, HostTensors.toFloats(gathered));
                Tensor sum = HostTensors.floats(world.rank());
                all.allReduce(sum, Reduction.SUM);
                assertArrayEquals(new float[] {6}, HostTensors.toFloats(sum));
            }
            return null;
        });
        IllegalArgumentException outsider = assertThrows(IllegalArgumentException.class, () -> worlds.get(3).group("pair", List.of(0, 1)));
        assertTrue(outsider.getMessage().contains("asked for by rank 3"), outsider.getMessage());
        assertThrows(IllegalArgumentException.class, () -> worlds.get(0).group("twice", List.of(0, 0)));
        assertThrows(IllegalArgumentException.class, () -> worlds.get(0).group("nobody", List.of(0, 4)));
    }

    @Test
    void gathersBytesOfDifferentLengths() throws Exception {
        List<? extends World> worlds = open(largest(), LONG);
        Ranks.run(worlds, world -> {
            List<byte[]> values = world.all("all").allGather("x".repeat(world.rank() * 100_000).getBytes(StandardCharsets.UTF_8));
            assertEquals(worlds.size(), values.size());
            for (int r = 0; r < values.size(); r++) {
                assertEquals(r * 100_000, values.get(r).length);
            }
            return null;
        });
    }

    @Test
    void refusesTensorsThatDoNotFitTheCall() throws Exception {
        World world = open(1, LONG).get(0);
        Communicator all = world.all("all");
        Tensor matrix = HostTensors.of(DType.F32, 12).reshape(ai.sparktron.trainer.tensor.Shape.of(3, 4)).columns(1, 2);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> all.send(matrix, 0)).getMessage().contains("contiguous"));
        assertThrows(IllegalArgumentException.class, () -> all.allGather(HostTensors.of(DType.F32, 3), HostTensors.of(DType.F32, 4)));
        assertThrows(IllegalArgumentException.class, () -> all.allGather(HostTensors.of(DType.F32, 3), HostTensors.of(DType.I32, 3)));
        assertThrows(IllegalArgumentException.class, () -> all.broadcast(HostTensors.of(DType.F32, 3), 1));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> all.allReduce(HostTensors.of(DType.U8, 3), Reduction.SUM)).getMessage()
                .contains("U8"));
    }

    @Test
    void anAbortOfOneRankWakesAllOthersWithTheFirstCause() throws Exception {
        if (largest() < 3) {
            return;
        }
        List<? extends World> worlds = open(3, LONG);
        long start = System.nanoTime();
        List<Outcome<Void>> outcomes = Ranks.outcomes(worlds, world -> {
            Communicator all = world.all("all");
            all.barrier();
            if (world.rank() == 1) {
                Thread.sleep(100);
                world.abort(new IllegalStateException("loss is NaN at step 7"));
                world.abort(new IllegalStateException("a later cause"));
            } else if (world.rank() == 0) {
                all.allReduce(HostTensors.floats(1, 2), Reduction.SUM);
            } else {
                all.receive(HostTensors.floats(0), 1).await();
            }
            return null;
        });
        assertTrue((System.nanoTime() - start) / 1e9 < 5, "woken at once, not by a deadline");
        for (int rank : List.of(0, 2)) {
            CommunicatorAbortedException error = assertInstanceOf(CommunicatorAbortedException.class, outcomes.get(rank).error());
            assertTrue(error.getMessage().contains("aborted by rank 1") && error.getMessage().contains("loss is NaN at step 7"), error.getMessage());
            assertEquals(1, error.origin());
            assertEquals(List.of(1), error.suspects());
            assertThrows(CommunicatorAbortedException.class, () -> worlds.get(rank).all("all").barrier(), "for good");
        }
    }

    @Test
    void aPassedDeadlineNamesGroupCallAndLateRanks() throws Exception {
        if (largest() < 3) {
            return;
        }
        List<? extends World> worlds = open(3, brief());
        List<Outcome<Void>> outcomes = Ranks.outcomes(worlds, world -> {
            Communicator all = world.all("data");
            all.barrier();
            if (world.rank() == 2) {
                Thread.sleep(4 * brief().toMillis());
            }
            all.allReduce(HostTensors.floats(1, 2, 3), Reduction.SUM);
            return null;
        });
        List<Throwable> reports = outcomes.stream().map(Outcome::error).filter(CollectiveTimeoutException.class::isInstance).toList();
        assertTrue(!reports.isEmpty(), outcomes.toString());
        String report = reports.get(0).getMessage();
        assertTrue(report.contains("group data [0, 1, 2], allReduce #1 of 3 F32 (SUM): rank 2 is late by " + brief().toMillis() / 1000 + "." + brief().toMillis() / 100 % 10
                + " s"), report);
        assertEquals(List.of(2), ((CollectiveTimeoutException) reports.get(0)).suspects());
        outcomes.forEach(outcome -> assertInstanceOf(CommunicationException.class, outcome.error()));
    }

    @Test
    void differentCallsAreReportedNotMixed() throws Exception {
        assertMismatch("allReduce #1 of 4 F32 (SUM)", "barrier #1",
                (all, rank) -> all.allReduce(HostTensors.floats(1, 2, 3, 4), Reduction.SUM), (all, rank) -> all.barrier());
        assertMismatch("allReduce #1 of 4 F32 (SUM)", "allReduce #1 of 5 F32 (SUM)",
                (all, rank) -> all.allReduce(HostTensors.of(DType.F32, 4), Reduction.SUM),
                (all, rank) -> all.allReduce(HostTensors.of(DType.F32, 5), Reduction.SUM));
        assertMismatch("of 4 F32 (SUM)", "of 4 I32 (SUM)", (all, rank) -> all.allReduce(HostTensors.of(DType.F32, 4), Reduction.SUM),
                (all, rank) -> all.allReduce(HostTensors.of(DType.I32, 4), Reduction.SUM));
        assertMismatch("send/receive #0 of 4 F32", "send/receive #0 of 6 F32", (all, rank) -> all.send(HostTensors.of(DType.F32, 4), 1).await(),
                (all, rank) -> all.receive(HostTensors.of(DType.F32, 6), 0).await());
        assertMismatch("sends 12 bytes", "expects 8",
                (all, rank) -> all.allToAll(HostTensors.of(DType.F32, 4), new long[] {0, 3}, HostTensors.of(DType.F32, 4), new long[] {0, 2}),
                (all, rank) -> all.allToAll(HostTensors.of(DType.F32, 4), new long[] {2, 0}, HostTensors.of(DType.F32, 4), new long[] {2, 0}));
    }

    private interface Call {
        void run(Communicator all, int rank);
    }

    private void assertMismatch(String one, String other, Call first, Call second) throws Exception {
        if (largest() < 2) {
            return;
        }
        List<? extends World> worlds = open(2, Duration.ofSeconds(5));
        List<Outcome<Void>> outcomes = Ranks.outcomes(worlds, world -> {
            Communicator all = world.all("all");
            all.barrier();
            (world.rank() == 0 ? first : second).run(all, world.rank());
            all.barrier();
            return null;
        });
        assertTrue(outcomes.stream().anyMatch(o -> o.error() instanceof CollectiveMismatchException e && e.getMessage().contains(one)
                && e.getMessage().contains(other)), () -> "expected both calls in " + outcomes);
        outcomes.forEach(outcome -> assertInstanceOf(CommunicationException.class, outcome.error()));
    }

    @Test
    void aRankThatLeavesEarlyIsNamed() throws Exception {
        if (largest() < 3) {
            return;
        }
        List<? extends World> worlds = open(3, LONG);
        List<Outcome<Void>> outcomes = Ranks.outcomes(worlds, world -> {
            Communicator all = world.all("all");
            all.barrier();
            if (world.rank() == 1) {
                world.close();
            } else {
                all.barrier();
            }
            return null;
        });
        for (int rank : List.of(0, 2)) {
            CommunicationException error = assertInstanceOf(CommunicationException.class, outcomes.get(rank).error());
            assertTrue(error.getMessage().contains("rank 1 has left the world"), error.getMessage());
            assertEquals(List.of(1), error.suspects());
        }
    }

    @Test
    void anInterruptOfOneRankEndsTheWait() throws Exception {
        if (largest() < 2) {
            return;
        }
        List<? extends World> worlds = open(2, LONG);
        CompletableFuture<Thread> first = new CompletableFuture<>();
        CountDownLatch ended = new CountDownLatch(1);
        List<Outcome<Void>> outcomes = Ranks.outcomes(worlds, world -> {
            Communicator all = world.all("all");
            if (world.rank() == 0) {
                first.complete(Thread.currentThread());
                try {
                    all.barrier();
                } finally {
                    ended.countDown();
                }
            } else {
                Thread.sleep(100);
                first.get().interrupt();
                ended.await();
                all.barrier();
                all.barrier();
            }
            return null;
        });
        outcomes.forEach(outcome -> assertTrue(outcome.error().getMessage().contains("rank 0 was interrupted"), outcome.toString()));
        assertInstanceOf(CommunicatorAbortedException.class, outcomes.get(1).error());
    }

    /** Ranks that run, wait, fail and are interrupted at any moment never hang and never crash. */
    @Test
    void interruptsAtAnyMomentNeverHang() throws Exception {
        for (int round = 0; round < interrupts(); round++) {
            List<? extends World> worlds = open(largest() > 1 ? 2 : 1, LONG);
            CompletableFuture<Thread> first = new CompletableFuture<>();
            Thread disturber = new Thread(() -> first.thenAccept(Thread::interrupt));
            long pause = round * 3_000L;
            Ranks.outcomes(worlds, world -> {
                Communicator all = world.all("all");
                if (world.rank() == 0) {
                    first.complete(Thread.currentThread());
                    disturber.start();
                }
                Tensor tensor = HostTensors.of(DType.F32, 5_000);
                for (long end = System.nanoTime() + 2_000_000 + pause; System.nanoTime() < end;) {
                    all.allReduce(tensor, Reduction.SUM);
                }
                throw new IllegalStateException("the end of rank " + world.rank());
            }, World::abort);
        }
    }
}
