package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.HostStore;
import ai.sparktron.trainer.kernels.HostStore.Visit;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.tensor.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Brings optimizer state from the host to the device and back, a chunk at a time in a fixed order, while other chunks are worked on. All chunks of a step go through, in
 * the order in which they were added.
 */
public final class StateConveyor {

    /** One is worked on while one comes and one goes. */
    public static final int PLACES = 3;
    /** Elements of a chunk: 80 MiB of float32 moments and low halves, enough for the bus's full rate. */
    public static final long USUAL_CHUNK = 1L << 23;

    private final HostStore store;
    private final long chunk;
    private final List<AdamState> places = new ArrayList<>();
    private final List<Chunk> chunks = new ArrayList<>();
    private int brought;

    /** A chunk on the device. */
    private record Chunk(AdamState there, List<Visit> visits, List<Visit> moments) {
    }

    /**
     * @param store  of {@link #PLACES} places
     * @param chunk  elements, a multiple of 128
     * @param device gives the places
     */
    public StateConveyor(HostStore store, StateTypes types, long chunk, Arena.Frame device) {
        this.store = store;
        this.chunk = chunk;
        for (int place = 0; place < PLACES; place++) {
            places.add(AdamState.allocate(types, chunk, device));
        }
    }

    HostStore store() {
        return store;
    }

    long chunk() {
        return chunk;
    }

    /** @return the chunk's number, from 0 */
    int add(AdamState host, long size) {
        AdamState there = places.get(chunks.size() % PLACES).rows(0, size);
        chunks.add(new Chunk(there, host.visits(there), new AdamState(null, host.first(), host.second()).visits(new AdamState(null, there.first(), there.second()))));
        return chunks.size() - 1;
    }

    /** Sets a chunk's moments to zero before the first step, by the device: the bus writes many gigabytes of the host's memory faster than a thread does. */
    void clearMoments(int number, Kernels kernels) {
        Chunk chunk = chunks.get(number);
        chunk.there().first().clear(kernels);
        chunk.there().second().clear(kernels);
        store.takeOut(number % PLACES, chunk.moments());
    }

    /** Starts the first copies of the next step, which may go on beside backward. */
    public void prefetch() {
        bring(PLACES - 1);
    }

    /** All up to the one before {@code end}. */
    private void bring(int end) {
        for (; brought < Math.min(end, chunks.size()); brought++) {
            store.bring(brought % PLACES, chunks.get(brought).visits());
        }
    }

    /** The state of a chunk, for kernels that are enqueued from now on. */
    AdamState arrive(int number) {
        bring(number + PLACES);
        store.arrive(number % PLACES);
        return chunks.get(number).there();
    }

    /** Sends it back after them. */
    void depart(int number) {
        store.takeOut(number % PLACES, chunks.get(number).visits());
        if (number == chunks.size() - 1) {
            brought = 0;
        }
    }
}
