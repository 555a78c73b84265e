package ai.sparktron.trainer.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class StackArenaTest {

    private final MeasuringMemory memory = new MeasuringMemory();

    @Test
    void handsOutAlignedRangesAndTakesThemBackFrameByFrame() {
        StackArena arena = StackArena.fixed("call", memory, 4096);
        try (Arena.Frame outer = arena.open("outer")) {
            Tensor a = outer.tensor("a", DType.F32, 3, 5);
            assertEquals(0, a.address() % StackArena.ALIGNMENT_BYTES);
            assertNull(a.view());
            long innerAddress;
            try (Arena.Frame inner = arena.open("inner")) {
                Tensor b = inner.tensor("b", DType.BF16, 200);
                innerAddress = b.address();
                assertEquals(a.address() + 256, innerAddress);
                assertEquals(256 + 512, arena.usedBytes());
            }
            assertEquals(256, arena.usedBytes());
            assertEquals(innerAddress, outer.tensor("c", DType.U8, 1).address());
        }
        assertEquals(0, arena.usedBytes());
        assertEquals(768, arena.peakBytes());
        arena.close();
        assertEquals(0, memory.liveBytes());
    }

    @Test
    void aFullArenaNamesWhatHoldsIt() {
        try (StackArena arena = StackArena.fixed("micro-batch", memory, 1024); Arena.Frame frame = arena.open("layer 3")) {
            frame.tensor("kept", DType.F32, 128);
            OutOfDeviceMemoryException full = assertThrows(OutOfDeviceMemoryException.class, () -> frame.tensor("wide", DType.F32, 200));
            assertTrue(full.getMessage().contains("arena micro-batch: no room for wide F32[200] of 1024 bytes; 512 of 1024"), full.getMessage());
            assertTrue(full.getMessage().contains("layer 3 [kept F32[128]]"), full.getMessage());
        }
    }

    @Test
    void aGrowingArenaKeepsItsBlocksAndHoldsWhatIsLargerThanOne() {
        StackArena arena = StackArena.growing("host", memory, 1024);
        for (int round = 0; round < 3; round++) {
            try (Arena.Frame frame = arena.open("step")) {
                Tensor a = frame.tensor("a", DType.U8, 1000);
                Tensor b = frame.tensor("b", DType.U8, 1000);
                try (Arena.Frame inner = arena.open("inner")) {
                    assertEquals(5120, inner.tensor("c", DType.U8, 5000).storage().sizeBytes());
                }
                Tensor d = frame.tensor("d", DType.U8, 3000);
                assertTrue(a.storage() != b.storage() && d.storage() != b.storage());
            }
        }
        assertEquals(1024 + 1024 + 5120, arena.reservedBytes());
        assertEquals(1024 + 1024 + 5120, arena.peakBytes());
        arena.close();
        assertEquals(0, memory.liveBytes());
    }

    /** Memory whose blocks grow up to a limit. */
    private static final class Stretching implements Memory {
        private long bytes;
        private boolean closed;

        @Override
        public Storage allocate(long sizeBytes, String purpose) {
            throw new AssertionError("a block beside the one that grows");
        }

        @Override
        public Optional<GrowingStorage> growing(String purpose) {
            return Optional.of(new GrowingStorage() {
                @Override
                public void grow(long least) {
                    if (least > 16384) {
                        throw new OutOfDeviceMemoryException(purpose + " of " + least);
                    }
                    bytes = Math.max(bytes, least);
                }

                @Override
                public long address() {
                    return 1 << 20;
                }

                @Override
                public long sizeBytes() {
                    return bytes;
                }

                @Override
                public Object view(long byteOffset, long sizeBytes) {
                    return null;
                }

                @Override
                public void close() {
                    closed = true;
                }
            });
        }
    }

    @Test
    void whereBlocksGrowAnArenaTakesWhatItsPeakIs() {
        Stretching stretching = new Stretching();
        StackArena arena = StackArena.growing("device", stretching, 1024);
        long[] first = new long[2];
        for (int round = 0; round < 2; round++) {
            try (Arena.Frame frame = arena.open("step")) {
                first[round] = frame.tensor("a", DType.U8, 1000).address();
                try (Arena.Frame inner = arena.open("inner")) {
                    assertEquals(first[round] + 1024, inner.tensor("b", DType.U8, 5000).address());
                }
                assertEquals(first[round] + 1024, frame.tensor("c", DType.U8, 3000).address());
                OutOfDeviceMemoryException full = assertThrows(OutOfDeviceMemoryException.class, () -> frame.tensor("d", DType.U8, 16384));
                assertMessage("device of 20480", full);
            }
        }
        assertEquals(first[0], first[1]);
        assertEquals(1024 + 5120, arena.peakBytes());
        assertEquals(arena.peakBytes(), arena.reservedBytes());
        arena.close();
        assertTrue(stretching.closed);
    }

    @Test
    void leaksAndWrongOrderAreErrorsThatNameTensors() {
        StackArena arena = StackArena.fixed("run", memory, 4096);
        Arena.Frame outer = arena.open("outer");
        outer.tensor("first", DType.F32, 4);
        Arena.Frame inner = arena.open("inner");
        inner.tensor("second", DType.F32, 4);
        assertMessage("inner [second F32[4]]", assertThrows(IllegalStateException.class, outer::close));
        assertMessage("inner was opened later", assertThrows(IllegalStateException.class, () -> outer.tensor("x", DType.F32, 1)));
        inner.close();
        assertMessage("closed twice", assertThrows(IllegalStateException.class, inner::close));
        assertMessage("outer [first F32[4]]", assertThrows(IllegalStateException.class, arena::close));
        assertEquals(0, memory.liveBytes());
        assertMessage("is closed", assertThrows(IllegalStateException.class, () -> arena.open("late")));
    }

    @Test
    void measuringHasNoLimit() {
        try (StackArena arena = MeasuringMemory.arena("plan"); Arena.Frame frame = arena.open("70B")) {
            frame.tensor("value", DType.F32, 70_000_000_000L);
            frame.tensor("logits", DType.F32, 1 << 20, 1 << 20);
            assertEquals(280_000_000_000L + (1L << 42), arena.peakBytes());
        }
    }

    @Test
    void rowsAndColumnsShareMemory() {
        try (StackArena arena = MeasuringMemory.arena("views"); Arena.Frame frame = arena.open("f")) {
            Tensor x = frame.tensor("x", DType.F32, 6, 10);
            Tensor part = x.columns(3, 4).rows(2, 3);
            assertEquals(x.address() + 4 * (2 * 10 + 3), part.address());
            assertEquals(10, part.rowStride());
            assertEquals(Shape.of(3, 4), part.shape());
            assertTrue(!part.isContiguous() && x.rows(1, 2).isContiguous());
            assertEquals(Shape.of(60), x.reshape(Shape.of(60)).shape());
            assertMessage("x F32[3, 4] stride 10", assertThrows(IllegalStateException.class, () -> part.reshape(Shape.of(12))));
            assertThrows(IllegalStateException.class, () -> x.columns(8, 3));
        }
    }

    private static void assertMessage(String part, Exception e) {
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }
}
