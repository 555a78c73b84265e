package ai.sparktron.pipeline.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Downloads one file: into a partial file beside the target, resumed by {@code Range} after a cut, checked by size and digest, then renamed. A
 * partial file survives the process, so the next run goes on where this one was stopped.
 */
final class FileDownload {

    private static final int BUFFER_BYTES = 1 << 20;

    private final HubHttp http;
    private final HubOptions options;
    private final RepoKind kind;
    private final String id;
    private final String revision;

    FileDownload(HubHttp http, HubOptions options, RepoKind kind, String id, String revision) {
        this.http = http;
        this.options = options;
        this.kind = kind;
        this.id = id;
        this.revision = revision;
    }

    /** Downloads {@code file} from {@code source} to {@code target}, which appears whole or not at all. */
    void fetch(HubFile file, URI source, Path partial, Path target) throws IOException {
        Files.createDirectories(partial.getParent());
        Files.createDirectories(target.getParent());
        receiveAll(file, source, partial);
        if (!matches(file, partial)) {
            // A partial file of another time may have been spoiled; one clean start decides between that and a broken hub.
            Files.delete(partial);
            receiveAll(file, source, partial);
            if (!matches(file, partial)) {
                Files.delete(partial);
                throw new HubException("file '" + file.path() + "' of " + kind.word() + " '" + id + "' arrived twice with another content than the "
                        + "hub lists (expected " + file.bytes() + " bytes, " + file.digest() + "): a proxy may alter it; try another endpoint");
            }
        }
        try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private void receiveAll(HubFile file, URI source, Path partial) {
        String what = "file '" + file.path() + "' of " + kind.word() + " '" + id + "'";
        int failures = 0;
        while (true) {
            long before = sizeOf(partial);
            try {
                receive(file, source, partial, before);
                return;
            } catch (IOException fault) {
                failures = sizeOf(partial) > before ? 1 : failures + 1;
                if (failures >= options.attempts()) {
                    throw http.unreachable(what, failures, fault);
                }
                http.pause(what, failures, fault);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new HubException("interrupted while downloading " + what, interrupted);
            }
        }
    }

    private void receive(HubFile file, URI source, Path partial, long have) throws IOException, InterruptedException {
        if (have > 0 && have == file.bytes()) {
            return;
        }
        long from = have > file.bytes() && file.bytes() >= 0 ? 0 : have;
        HttpResponse<InputStream> response = http.open(source, from > 0 ? Map.of("Range", "bytes=" + from + "-") : Map.of());
        try (InputStream body = response.body()) {
            if (response.statusCode() == 416) {
                Files.deleteIfExists(partial);
                throw new HubHttp.Transient("HTTP 416 for a resume at byte " + from, null);
            }
            http.requireSuccess(response, kind, id, revision, file.path());
            boolean resumed = response.statusCode() == 206 && from > 0
                    && response.headers().firstValue("Content-Range").orElse("").startsWith("bytes " + from + "-");
            if (from > 0 && response.statusCode() == 206 && !resumed) {
                Files.deleteIfExists(partial);
                throw new HubHttp.Transient("another range than asked for", null);
            }
            copy(body, partial, resumed);
        }
        long now = sizeOf(partial);
        if (file.bytes() >= 0 && now < file.bytes()) {
            throw new IOException("connection ended after " + now + " of " + file.bytes() + " bytes");
        }
    }

    /** Appends the body; a body in which no byte arrives for the timeout is closed from outside, which makes the read fail. */
    private void copy(InputStream body, Path partial, boolean append) throws IOException {
        AtomicLong lastByte = new AtomicLong(System.nanoTime());
        ScheduledExecutorService watch = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "hub-download-watch");
            thread.setDaemon(true);
            return thread;
        });
        long limit = options.timeout().toNanos();
        watch.scheduleWithFixedDelay(() -> {
            if (System.nanoTime() - lastByte.get() > limit) {
                closeQuietly(body);
            }
        }, 200, 200, TimeUnit.MILLISECONDS);
        try (FileChannel out = FileChannel.open(partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                append ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING)) {
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int count = body.read(buffer); count >= 0; count = body.read(buffer)) {
                lastByte.set(System.nanoTime());
                ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, count);
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
            }
        } finally {
            watch.shutdownNow();
        }
    }

    private static void closeQuietly(InputStream body) {
        try {
            body.close();
        } catch (IOException ignored) {
            // The reader sees its own exception.
        }
    }

    private static long sizeOf(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException fault) {
            throw new HubException("cannot read the size of " + file, fault);
        }
    }

    private static boolean matches(HubFile file, Path content) throws IOException {
        if (file.bytes() >= 0 && Files.size(content) != file.bytes()) {
            return false;
        }
        return file.digest() == null || digest(file.digest().algorithm(), content).equalsIgnoreCase(file.digest().hex());
    }

    private static String digest(HubFile.Algorithm algorithm, Path content) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm == HubFile.Algorithm.SHA_256 ? "SHA-256" : "SHA-1");
            if (algorithm == HubFile.Algorithm.GIT_BLOB) {
                digest.update(("blob " + Files.size(content) + "\0").getBytes(StandardCharsets.UTF_8));
            }
            try (InputStream in = Files.newInputStream(content)) {
                byte[] buffer = new byte[BUFFER_BYTES];
                for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                    digest.update(buffer, 0, count);
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException missing) {
            throw new IllegalStateException("every Java platform has SHA-256 and SHA-1", missing);
        }
    }
}
