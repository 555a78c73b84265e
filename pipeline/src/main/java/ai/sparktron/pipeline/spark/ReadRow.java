package ai.sparktron.pipeline.spark;

import java.io.Serializable;
import java.util.Map;

/**
 * A row as {@link DatasetReader} gives it.
 *
 * @param index  place in its dataset: file order, then line
 * @param file   file or frame it stands in
 * @param line   its line in the file, counted from 1
 * @param values column names to parsed JSON, or null for a row that could not be read
 * @param fault  why it could not be read, or null
 */
public record ReadRow(long index, String file, long line, Map<String, Object> values, String fault) implements Serializable {
}
