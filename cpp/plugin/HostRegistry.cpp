// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the host's function that adds a pass to the pass registry.
//
// The C API can make a pass but cannot register one; mlir::registerPass can. It
// is no exported symbol of libIREECompiler.so, but it stands in the library's
// symbol table, which the wheels keep. So: ask the dynamic linker first, and
// else read the table from the file that the library was loaded from.

#include "plugin/HostRegistry.h"

#include "passes/ExternalPass.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <functional>
#include <link.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace iree_tuner {

namespace {

/// void mlir::registerPass(const std::function<std::unique_ptr<Pass>()> &)
constexpr char kRegisterPassSymbol[] =
    "_ZN4mlir12registerPassERKSt8functionIFSt10unique_ptrINS_4PassESt14default_"
    "deleteIS2_EEvEE";
/// An exported function of the same library; it tells which file that is.
constexpr char kAnchorSymbol[] = "mlirCreateExternalPass";

/// Stands in for std::unique_ptr<mlir::Pass>: one pointer, and a destructor, so
/// that it is returned in memory as that type is. The host takes the pointer
/// over; there is nothing to delete here.
struct OwnedPass {
  void *pass;
  explicit OwnedPass(void *pass) : pass(pass) {}
  OwnedPass(OwnedPass &&other) : pass(other.pass) { other.pass = nullptr; }
  ~OwnedPass() {}
};
using RegisterPass = void (*)(const std::function<OwnedPass()> &);

/// A file mapped for reading. Every access is checked against its size.
class MappedFile {
public:
  MappedFile() = default;
  ~MappedFile() {
    if (data) {
      munmap(const_cast<char *>(data), size);
    }
  }
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  /// Maps the file at `path`, once. Returns "" or why it cannot be mapped.
  std::string map(const std::string &path) {
    int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
      return "cannot open '" + path + "': " + std::strerror(errno);
    }
    std::string error = map(file, path);
    close(file);
    return error;
  }

  /// Whether `count` items of `itemSize` bytes from `offset` lie in the file.
  bool holds(uint64_t offset, uint64_t count, uint64_t itemSize) const {
    return offset <= size && count <= (size - offset) / itemSize;
  }
  /// A copy of the item there: offsets in a damaged file need not be aligned.
  template <typename T>
  T read(uint64_t offset) const {
    T item;
    std::memcpy(&item, data + offset, sizeof(T));
    return item;
  }

  /// The bytes from `offset` on; `holds` tells how many may be read.
  const char *at(uint64_t offset) const { return data + offset; }

private:
  std::string map(int file, const std::string &path) {
    struct stat status;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size <= 0) {
      return "'" + path + "' is no file with content";
    }
    size = static_cast<size_t>(status.st_size);
    void *address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (address == MAP_FAILED) {
      return "cannot map '" + path + "': " + std::strerror(errno);
    }
    data = static_cast<const char *>(address);
    return {};
  }

  const char *data = nullptr;
  size_t size = 0;
};

/// The value of `symbol` in one symbol table; 0 if the table lacks it.
uint64_t findInTable(const MappedFile &file, const Elf64_Shdr &symbols,
                     const Elf64_Shdr &strings, const std::string &symbol) {
  uint64_t count = symbols.sh_size / sizeof(Elf64_Sym);
  if (symbols.sh_entsize != sizeof(Elf64_Sym) ||
      !file.holds(symbols.sh_offset, count, sizeof(Elf64_Sym)) ||
      !file.holds(strings.sh_offset, strings.sh_size, 1)) {
    return 0;
  }
  const char *names = file.at(strings.sh_offset);
  const size_t length = symbol.size() + 1; // With the terminator.
  for (uint64_t i = 0; i < count; ++i) {
    auto entry =
        file.read<Elf64_Sym>(symbols.sh_offset + i * sizeof(Elf64_Sym));
    if (ELF64_ST_TYPE(entry.st_info) == STT_FUNC &&
        entry.st_shndx != SHN_UNDEF && entry.st_name < strings.sh_size &&
        strings.sh_size - entry.st_name >= length &&
        std::memcmp(names + entry.st_name, symbol.c_str(), length) == 0) {
      return entry.st_value;
    }
  }
  return 0;
}

} // namespace

std::string findElfSymbol(const std::string &path, const std::string &symbol,
                          uint64_t &value) {
  MappedFile file;
  if (std::string error = file.map(path); !error.empty()) {
    return error;
  }
  if (!file.holds(0, 1, sizeof(Elf64_Ehdr))) {
    return "'" + path + "' is too short for an ELF file";
  }
  auto header = file.read<Elf64_Ehdr>(0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return "'" + path + "' is no 64-bit little-endian ELF file";
  }
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff == 0 ||
      !file.holds(header.e_shoff, 1, sizeof(Elf64_Shdr))) {
    return "'" + path + "' has no section table";
  }
  auto section = [&](uint64_t index) {
    return file.read<Elf64_Shdr>(header.e_shoff + index * sizeof(Elf64_Shdr));
  };
  // A count too large for its field stands in the first section's size.
  uint64_t numSections =
      header.e_shnum != 0 ? header.e_shnum : section(0).sh_size;
  if (!file.holds(header.e_shoff, numSections, sizeof(Elf64_Shdr))) {
    return "'" + path + "' is cut off: its section table is not whole";
  }
  bool hasTable = false;
  for (uint64_t i = 0; i < numSections; ++i) {
    Elf64_Shdr symbols = section(i);
    if (symbols.sh_type != SHT_SYMTAB || symbols.sh_link >= numSections) {
      continue;
    }
    hasTable = true;
    value = findInTable(file, symbols, section(symbols.sh_link), symbol);
    if (value != 0) {
      return {};
    }
  }
  if (!hasTable) {
    return "'" + path + "' has no symbol table (was it stripped?)";
  }
  return "'" + path + "' does not hold the symbol " + symbol;
}

static std::string findRegisterPass(RegisterPass &function) {
  if (void *exported = dlsym(RTLD_DEFAULT, kRegisterPassSymbol)) {
    function = reinterpret_cast<RegisterPass>(exported);
    return {};
  }
  void *anchor = dlsym(RTLD_DEFAULT, kAnchorSymbol);
  Dl_info library;
  link_map *map = nullptr;
  if (!anchor ||
      !dladdr1(anchor, &library, reinterpret_cast<void **>(&map),
               RTLD_DL_LINKMAP) ||
      !map) {
    return "no MLIR is loaded in this process";
  }
  const std::string path = library.dli_fname;
  uint64_t target = 0;
  uint64_t expected = 0;
  std::string error = findElfSymbol(path, kRegisterPassSymbol, target);
  if (error.empty()) {
    error = findElfSymbol(path, kAnchorSymbol, expected);
  }
  if (!error.empty()) {
    return error;
  }
  // The file may have been replaced since it was loaded; then its addresses
  // mean nothing here.
  if (map->l_addr + expected != reinterpret_cast<uintptr_t>(anchor)) {
    return "'" + path + "' is not the file that was loaded";
  }
  Dl_info found;
  void *address = reinterpret_cast<void *>(map->l_addr + target);
  if (!dladdr(address, &found) || found.dli_fbase != library.dli_fbase) {
    return "'" + path + "' places " + kRegisterPassSymbol + " outside itself";
  }
  function = reinterpret_cast<RegisterPass>(address);
  return {};
}

/// Whether the registry has our passes already, from another copy of this
/// library; registering a name twice is fatal to the host.
static bool isRegistered(const PassDefinition &definition) {
  MlirContext context =
      mlirContextCreateWithThreading(/*threadingEnabled=*/false);
  MlirPassManager manager = mlirPassManagerCreate(context);
  std::string pipeline =
      std::string("builtin.module(") + definition.argument + ")";
  auto ignore = [](MlirStringRef, void *) {};
  MlirLogicalResult parsed = mlirParsePassPipeline(
      mlirPassManagerGetAsOpPassManager(manager),
      MlirStringRef{pipeline.data(), pipeline.size()}, ignore, nullptr);
  mlirPassManagerDestroy(manager);
  mlirContextDestroy(context);
  return !failed(parsed);
}

static std::string registerPasses() {
  RegisterPass registerPass = nullptr;
  std::string error = findRegisterPass(registerPass);
  if (!error.empty()) {
    return "iree-tuner cannot register its passes: " + error +
           "; use the libIREECompiler.so of an unmodified iree-base-compiler "
           "wheel";
  }
  for (const PassDefinition *const *pass = kPasses; *pass; ++pass) {
    const PassDefinition *definition = *pass;
    if (!isRegistered(*definition)) {
      registerPass(
          [definition] { return OwnedPass(createPass(*definition).ptr); });
    }
  }
  return {};
}

std::string registerPassesOnce() {
  static std::mutex mutex;
  static bool done = false;
  static std::string error;
  std::lock_guard<std::mutex> lock(mutex);
  if (!done) {
    error = registerPasses();
    done = true;
  }
  return error;
}

} // namespace iree_tuner
