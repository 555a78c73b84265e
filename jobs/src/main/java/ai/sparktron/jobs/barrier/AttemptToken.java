package ai.sparktron.jobs.barrier;

import java.io.Serializable;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * Tells attempts apart: a rank that shows another attempt's token is refused.
 *
 * @param application Spark's application id
 * @param attempt     number of the attempt, from 1
 * @param secret      random, known to this attempt's ranks only
 */
record AttemptToken(String application, int attempt, String secret) implements Serializable {

    static AttemptToken create(String application, int attempt) {
        byte[] bytes = new byte[16];
        new SecureRandom().nextBytes(bytes);
        return new AttemptToken(application, attempt, HexFormat.of().formatHex(bytes));
    }

    /** Unique, without the secret: for job groups and file names. */
    String id() {
        return application + "-" + attempt + "-" + secret.substring(0, 4);
    }

    /** What ranks show. */
    String text() {
        return application + "/" + attempt + "/" + secret;
    }

    @Override
    public String toString() {
        return id();
    }
}
