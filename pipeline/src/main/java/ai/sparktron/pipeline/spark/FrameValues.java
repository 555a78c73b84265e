package ai.sparktron.pipeline.spark;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Values of Spark rows as parsed JSON would give them: maps, lists, text, numbers, booleans, null. Dates and times become their text, bytes become
 * base64. Nested Scala collections are reached through {@link Row}'s Java getters, because the converters differ between Scala lines.
 */
public final class FrameValues {

    private FrameValues() {
    }

    /** A row with a schema as a map in the order of its columns; null values stay. */
    public static Map<String, Object> toMap(Row row) {
        return toMap(row, row.schema());
    }

    private static Map<String, Object> toMap(Row row, StructType schema) {
        Map<String, Object> map = new LinkedHashMap<>();
        StructField[] fields = schema.fields();
        for (int i = 0; i < fields.length; i++) {
            map.put(fields[i].name(), value(row, i, fields[i].dataType()));
        }
        return map;
    }

    private static Object value(Row row, int index, DataType type) {
        if (row.isNullAt(index)) {
            return null;
        }
        if (type instanceof StructType struct) {
            return toMap(row.getStruct(index), struct);
        }
        if (type instanceof ArrayType array) {
            List<Object> list = new ArrayList<>();
            for (Object element : row.getList(index)) {
                list.add(value(RowFactory.create(element), 0, array.elementType()));
            }
            return list;
        }
        if (type instanceof MapType mapType) {
            Map<String, Object> map = new LinkedHashMap<>();
            row.getJavaMap(index).forEach((key, item) -> map.put(String.valueOf(key), value(RowFactory.create(item), 0, mapType.valueType())));
            return map;
        }
        Object plain = row.get(index);
        if (type instanceof BinaryType) {
            return Base64.getEncoder().encodeToString((byte[]) plain);
        }
        return plain instanceof String || plain instanceof Boolean || plain instanceof BigDecimal || plain instanceof Number ? plain : plain.toString();
    }
}
