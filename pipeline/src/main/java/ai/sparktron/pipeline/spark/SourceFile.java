package ai.sparktron.pipeline.spark;

/**
 * A file that holds rows.
 *
 * @param path           as Hadoop names it
 * @param format         how rows stand in it
 * @param bytes          size
 * @param modifiedMillis time of the last change, milliseconds since 1970
 */
public record SourceFile(String path, FileFormat format, long bytes, long modifiedMillis) {
}
