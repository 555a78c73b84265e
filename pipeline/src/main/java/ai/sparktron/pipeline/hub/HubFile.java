package ai.sparktron.pipeline.hub;

import java.util.Objects;

/**
 * One file of a hub repository as its listing describes it.
 *
 * @param path   path inside the repository, with {@code /}
 * @param bytes  size, or -1 where the hub does not say
 * @param digest what the content must hash to, or null where the hub does not say
 */
public record HubFile(String path, long bytes, Digest digest) {

    public HubFile {
        Objects.requireNonNull(path, "path");
        for (String part : path.split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..") || part.indexOf('\\') >= 0) {
                throw new HubException("the hub lists a file with path '" + path
                        + "', which would leave the cache directory; expected a plain relative path. Nothing was downloaded.");
            }
        }
    }

    /** How a hub names content. */
    public enum Algorithm {
        /** SHA-256 of the content (large files of Hugging Face, all files of ModelScope). */
        SHA_256,
        /** Git's blob id: SHA-1 over {@code "blob <size>\0"} and the content (small files of Hugging Face). */
        GIT_BLOB
    }

    /**
     * @param algorithm how it is computed
     * @param hex       the value in lower-case hexadecimal digits
     */
    public record Digest(Algorithm algorithm, String hex) {
        public Digest {
            Objects.requireNonNull(algorithm, "algorithm");
            Objects.requireNonNull(hex, "hex");
        }
    }
}
