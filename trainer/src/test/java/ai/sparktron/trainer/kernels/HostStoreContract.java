package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.sparktron.trainer.kernels.HostStore.Visit;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tensors that rest on the host and visit the device. */
abstract class HostStoreContract {

    private static final int PLACES = 3;
    private static final int CHUNKS = 7;
    private static final int ELEMENTS = 1 << 16;

    abstract Engine openEngine();

    private static ByteBuffer bytes(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(values.length * Float.BYTES).order(ByteOrder.nativeOrder());
        bytes.asFloatBuffer().put(values);
        return bytes;
    }

    private static float[] floats(TensorAccess memory, Tensor tensor) {
        float[] values = new float[ELEMENTS];
        ByteBuffer bytes = bytes(values);
        memory.read(tensor, bytes);
        bytes.clear();
        bytes.asFloatBuffer().get(values);
        return values;
    }

    /** Many rounds without a wait of the host: every chunk is changed once a round, and nothing else changes it. */
    @Test
    void visitsChangeEachTensorOnce() {
        try (Engine engine = openEngine();
                HostStore store = engine.hostStore(PLACES);
                StackArena hostArena = StackArena.growing("host", store.memory(), 1 << 20);
                StackArena deviceArena = StackArena.growing("device", engine.memory(), 1 << 20);
                Arena.Frame host = hostArena.open("host");
                Arena.Frame device = deviceArena.open("device")) {
            Tensor added = device.tensor("added", DType.F32, ELEMENTS);
            engine.kernels().fill(added, 1);
            List<Tensor> places = new ArrayList<>();
            for (int place = 0; place < PLACES; place++) {
                places.add(device.tensor("place", DType.F32, ELEMENTS));
            }
            List<Visit> visits = new ArrayList<>();
            for (int chunk = 0; chunk < CHUNKS; chunk++) {
                float[] values = new float[ELEMENTS];
                java.util.Arrays.fill(values, 100 * chunk);
                Tensor rests = host.tensor("chunk", DType.F32, ELEMENTS);
                store.write(rests, bytes(values));
                visits.add(new Visit(rests, places.get(chunk % PLACES)));
            }
            int rounds = 5;
            for (int round = 0; round < rounds; round++) {
                int brought = 0;
                for (int chunk = 0; chunk < CHUNKS; chunk++) {
                    for (; brought < Math.min(CHUNKS, chunk + PLACES); brought++) {
                        store.bring(brought % PLACES, List.of(visits.get(brought)));
                    }
                    store.arrive(chunk % PLACES);
                    engine.kernels().addScaled(1, added, places.get(chunk % PLACES));
                    store.takeOut(chunk % PLACES, List.of(visits.get(chunk)));
                }
            }
            for (int chunk = 0; chunk < CHUNKS; chunk++) {
                float[] expected = new float[ELEMENTS];
                java.util.Arrays.fill(expected, 100 * chunk + rounds);
                assertArrayEquals(expected, floats(store, visits.get(chunk).host()), "chunk " + chunk);
            }
        }
    }

    @Test
    void aPlaceHasOneVisitAtATime() {
        try (Engine engine = openEngine();
                HostStore store = engine.hostStore(1);
                StackArena hostArena = StackArena.growing("host", store.memory(), 1 << 20);
                StackArena deviceArena = StackArena.growing("device", engine.memory(), 1 << 20);
                Arena.Frame host = hostArena.open("host");
                Arena.Frame device = deviceArena.open("device")) {
            List<Visit> visits = List.of(new Visit(host.tensor("chunk", DType.F32, ELEMENTS), device.tensor("place", DType.F32, ELEMENTS)));
            store.bring(0, visits);
            assertThrows(IllegalStateException.class, () -> store.bring(0, visits));
            store.arrive(0);
            store.takeOut(0, visits);
            store.settle();
        }
    }
}
