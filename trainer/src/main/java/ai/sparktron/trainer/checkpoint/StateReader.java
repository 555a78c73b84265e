package ai.sparktron.trainer.checkpoint;

import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Fills one rank's states from the state files of a checkpoint, whatever grid wrote it: each target piece is put together from the runs it shares with the
 * saved ones, through one buffer of bounded size. A saved tensor that is read whole is checked against its checksum.
 */
public final class StateReader implements AutoCloseable {

    private static final int CHUNK_ELEMENTS = 4 << 20;

    private final SavedCheckpoint checkpoint;
    private final Map<String, List<Source>> sources = new HashMap<>();
    private final Map<String, SafetensorsFile> open = new LinkedHashMap<>();
    private long bytesRead;

    /** @param name of the tensor in the file */
    private record Source(String file, String name, CheckpointManifest.Entry entry) {
        String key() {
            return entry.state() + "/" + entry.slice().name();
        }
    }

    public StateReader(SavedCheckpoint checkpoint) {
        this.checkpoint = checkpoint;
        for (CheckpointManifest.StateFile file : checkpoint.manifest().files()) {
            List<String> names = CheckpointManifest.StateFile.tensorNames(file.entries().stream().map(entry -> entry.state() + "/" + entry.slice().name())
                    .toList());
            for (int i = 0; i < names.size(); i++) {
                Source source = new Source(file.name(), names.get(i), file.entries().get(i));
                sources.computeIfAbsent(source.key(), key -> new ArrayList<>()).add(source);
            }
        }
    }

    /** Whether the checkpoint has a kind of state for a tensor. */
    public boolean has(String state, String tensor) {
        return sources.containsKey(state + "/" + tensor);
    }

    /**
     * Fills a piece.
     *
     * @throws CheckpointException when the checkpoint lacks a part of it, has it in another shape, or is damaged
     */
    public void read(StatePiece target) {
        List<Source> candidates = sources.getOrDefault(target.key(), List.of());
        for (Source source : candidates) {
            if (!source.entry().slice().shape().equals(target.slice().shape())) {
                throw new CheckpointException(checkpoint.directory() + ": " + target.key() + " has shape " + source.entry().slice().shape()
                        + ", the model's is " + target.slice().shape() + ": it is a checkpoint of another model");
            }
        }
        long elements = target.slice().elements();
        ByteBuffer chunk = ByteBuffer.allocateDirect((int) Math.min(CHUNK_ELEMENTS, Math.max(1, elements)) * Float.BYTES)
                .order(ByteOrder.nativeOrder());
        for (long done = 0; done < elements; done += CHUNK_ELEMENTS) {
            int count = (int) Math.min(CHUNK_ELEMENTS, elements - done);
            chunk.clear().limit(count * Float.BYTES);
            fill(target.slice().part(done, count), target.key(), candidates, chunk);
            target.numbers().write(target.from() + done, chunk.rewind());
        }
    }

    /** Bytes of state read from files so far: those of the pieces and no more, whatever grid wrote them. */
    public long bytesRead() {
        return bytesRead;
    }

    private void fill(GlobalSlice wanted, String key, List<Source> candidates, ByteBuffer chunk) {
        long found = 0;
        for (Source source : candidates) {
            found += wanted.overlap(source.entry().slice(), (here, there, count) -> copyRun(source, there, chunk, here, count));
            verifyIfWhole(source, wanted, chunk);
        }
        if (found != wanted.elements()) {
            throw new CheckpointException(checkpoint.directory() + " holds " + found + " of " + wanted.elements() + " elements of " + key
                    + ": it was saved without them (no_save_optim?) or for another model; use --no_load_optim true or --finetune true to go on without");
        }
    }

    private void copyRun(Source source, long from, ByteBuffer chunk, long to, long count) {
        ByteBuffer target = chunk.duplicate().order(ByteOrder.nativeOrder());
        target.limit((int) ((to + count) * Float.BYTES)).position((int) (to * Float.BYTES));
        try {
            file(source.file()).read(source.name(), from * Float.BYTES, target);
            bytesRead += count * Float.BYTES;
        } catch (IOException e) {
            throw new CheckpointException(path(source.file()) + ": cannot read " + source.key() + ": " + e + "; use another checkpoint", e);
        }
    }

    /** Same grid: the chunk is exactly one saved tensor, so its checksum can be told. */
    private void verifyIfWhole(Source source, GlobalSlice wanted, ByteBuffer chunk) {
        if (!source.entry().slice().equals(wanted)) {
            return;
        }
        CRC32C crc = new CRC32C();
        crc.update(chunk.duplicate().rewind());
        if (crc.getValue() != source.entry().crc32c()) {
            throw new CheckpointException(path(source.file()) + ": " + source.key() + " has checksum " + crc.getValue() + ", its manifest says "
                    + source.entry().crc32c() + ": the file is damaged; use another checkpoint");
        }
    }

    private SafetensorsFile file(String name) throws IOException {
        SafetensorsFile file = open.get(name);
        if (file == null) {
            file = SafetensorsFile.open(path(name));
            open.put(name, file);
        }
        return file;
    }

    private Path path(String name) {
        return checkpoint.stateDirectory().resolve(name);
    }

    @Override
    public void close() {
        IOException failure = null;
        for (SafetensorsFile file : open.values()) {
            try {
                file.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        open.clear();
        if (failure != null) {
            throw new CheckpointException("closing state files of " + checkpoint.directory() + ": " + failure, failure);
        }
    }
}
