package ai.sparktron.pipeline.template.jinja;

import java.util.ArrayList;
import java.util.List;

/** What {@code set}, {@code for} and {@code with} assign to. */
@FunctionalInterface
interface Target {

    void assign(Scope scope, Object value);

    static Target name(String name) {
        return (scope, value) -> scope.set(name, value);
    }

    static Target attribute(String name, String attribute) {
        return (scope, value) -> {
            if (!(scope.get(name) instanceof Namespace namespace)) {
                throw JinjaException.type("cannot set '" + name + "." + attribute + "': only attributes of a namespace() can be set, and '" + name
                        + "' is " + PythonValues.typeName(scope.get(name)));
            }
            namespace.attributes().put(attribute, value);
        };
    }

    static Target tuple(List<Target> targets) {
        return (scope, value) -> {
            List<Object> items = new ArrayList<>(PythonValues.list(value));
            if (items.size() != targets.size()) {
                throw JinjaException.value("cannot unpack " + items.size() + " value(s) into " + targets.size() + " name(s)");
            }
            for (int i = 0; i < items.size(); i++) {
                targets.get(i).assign(scope, items.get(i));
            }
        };
    }
}
