// Certificates for tests, made by the openssl program in a folder of their own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "proxy/net/tls_files.h"

namespace flagmesh::net {

class TestCertificates {
 public:
  TestCertificates() {
    std::string name = testing::TempDir() + "tls-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;
  ~TestCertificates() { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // NAME.pem and NAME.key, self-signed with CA:TRUE.
  std::string authority(const std::string& name) {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=" + name + "' -keyout " + path(name + ".key") +
        " -out " + path(name + ".pem"));
    return path(name + ".pem");
  }

  // FILE.pem (leaf, then its authority) and FILE.key. `san`: "DNS:a.test,DNS:*.b.test". `days` < 0: expired since.
  CertificateFiles leaf(const std::string& file, const std::string& ca, const std::string& san, int days = 30,
                        const std::string& key = "ec -pkeyopt ec_paramgen_curve:P-256", const std::string& subject = "") {
    std::ofstream(path(file + ".ext")) << "subjectAltName=" << san << "\nbasicConstraints=CA:FALSE\n";
    run("req -newkey " + key + " -nodes -subj '/CN=" + (subject.empty() ? file : subject) + "' -keyout " + path(file + ".key") + " -out " +
        path(file + ".csr"));
    // x509 -days takes no date in the past; ca does, but wants a database.
    const std::string when = days >= 0 ? "-days " + std::to_string(days) : "-not_before 20200101000000Z -not_after 20200201000000Z";
    if (days >= 0) {
      run("x509 -req -in " + path(file + ".csr") + " -CA " + path(ca + ".pem") + " -CAkey " + path(ca + ".key") + " -set_serial " +
          std::to_string(++serial_) + " -extfile " + path(file + ".ext") + " " + when + " -out " + path(file + ".pem"));
    } else {
      std::ofstream(path("index.txt")).close();
      std::ofstream(path("serial")) << "1000\n";
      std::ofstream(path("ca.cnf")) << "[ca]\ndefault_ca=d\n[d]\ndatabase=" << path("index.txt") << "\nserial=" << path("serial")
                                    << "\nnew_certs_dir=" << folder_ << "\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n";
      run("ca -batch -notext -config " + path("ca.cnf") + " -in " + path(file + ".csr") + " -cert " + path(ca + ".pem") + " -keyfile " +
          path(ca + ".key") + " -extfile " + path(file + ".ext") + " -startdate 20200101000000Z -enddate 20200201000000Z -out " +
          path(file + ".pem"));
    }
    std::ofstream chain(path(file + ".pem"), std::ios::app);
    chain << std::ifstream(path(ca + ".pem")).rdbuf();
    return {.cert = path(file + ".pem"), .key = path(file + ".key"), .ocsp = {}};
  }

  void run(const std::string& arguments) {
    const std::string command = "openssl " + arguments + " >" + path("openssl.log") + " 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command << "\n" << std::ifstream(path("openssl.log")).rdbuf();
  }

 private:
  std::string folder_;
  int serial_ = 100;
};

}  // namespace flagmesh::net
