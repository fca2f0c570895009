/**
 * Shell lines that byte-compile a target's Python again, where what its maintainer scripts wrote differs from run to run.
 *
 * Before 3.11 a constant set is written in the order of its hashes, which are random, and the scripts start Python with -E,
 * so that it does not hear of PYTHONHASHSEED (22 files of 528 in Debian 11; bpo-37596).
 */
export function settlePython(root: string): string {
  return `
for python in "${root}"/usr/bin/python3.[0-9] "${root}"/usr/bin/python3.10; do
  [ -x "$python" ] || continue
  version=\${python##*/python}
  find "${root}"/usr/lib/python3* -path "*/__pycache__/*.cpython-$(echo "$version" | tr -d .).pyc" |
    sed "s#^${root}##; s#/__pycache__/#/#; s#\\.cpython-[0-9]*\\.pyc\\$#.py#" | LC_ALL=C sort |
    chroot "${root}" env PYTHONHASHSEED=0 "/usr/bin/python$version" -S "/usr/lib/python$version/py_compile.py" -
done
`;
}
