import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassElement;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/**
 * Makes a jar of those classes of libraries that were compiled for Java 5, in the form of later ones, which has stack maps;
 * their code stays the same. The JVM's AOT cache takes no older classes, so that each start would read, check and link
 * them one by one. The libraries stay as they were published: {@code java RenewClasses.java DIRECTORY JAR} reads the jars
 * of that directory, and the class path has the new one before them.
 */
final class RenewClasses {
    private RenewClasses() {}

    public static void main(String[] arguments) throws IOException {
        List<Path> jars;
        try (Stream<Path> files = Files.list(Path.of(arguments[0]))) {
            jars = files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
        }
        List<URL> urls = new ArrayList<>();
        for (Path jar : jars) {
            urls.add(jar.toUri().toURL());
        }
        // Stack maps name what classes have in common, of other jars too.
        try (URLClassLoader loader = new URLClassLoader(urls.toArray(URL[]::new));
                JarOutputStream renewed = new JarOutputStream(Files.newOutputStream(Path.of(arguments[1])))) {
            ClassFile classFile = ClassFile.of(
                    ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
                    ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(loader)));
            for (Path jar : jars) {
                try (JarFile from = new JarFile(jar.toFile(), false)) {
                    addRenewed(classFile, from, renewed);
                }
            }
        }
    }

    /** In the same order, and with the same times, so that the same jar is made each time. */
    private static void addRenewed(ClassFile classFile, JarFile from, JarOutputStream to) throws IOException {
        for (JarEntry entry : Collections.list(from.entries())) {
            if (entry.getName().endsWith(".class")) {
                byte[] content = content(from, entry);
                if (isOld(content)) {
                    JarEntry copy = new JarEntry(entry.getName());
                    copy.setTime(entry.getTime());
                    to.putNextEntry(copy);
                    to.write(renewed(classFile, content));
                    to.closeEntry();
                }
            }
        }
    }

    private static byte[] renewed(ClassFile classFile, byte[] content) {
        return classFile.transformClass(classFile.parse(content), RenewClasses::renew);
    }

    /** Code that is not built anew would keep having no stack maps. */
    private static void renew(ClassBuilder builder, ClassElement element) {
        switch (element) {
            case ClassFileVersion _ -> builder.withVersion(ClassFile.JAVA_17_VERSION, 0);
            case MethodModel method ->
                builder.transformMethod(method, MethodTransform.transformingCode(CodeTransform.ACCEPT_ALL));
            default -> builder.with(element);
        }
    }

    /** Whether it is a class without stack maps: its major version is in bytes 6 and 7 (JVMS 4.1). */
    private static boolean isOld(byte[] content) {
        return ((content[6] & 0xff) << 8 | content[7] & 0xff) < ClassFile.JAVA_6_VERSION;
    }

    private static byte[] content(JarFile jar, JarEntry entry) throws IOException {
        try (InputStream content = jar.getInputStream(entry)) {
            return content.readAllBytes();
        }
    }
}
