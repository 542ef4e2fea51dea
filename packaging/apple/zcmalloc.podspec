# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# For a checkout or an archive of this repository that has zcmalloc.xcframework beside this file
# (tools/xcframework.sh). The linker is told to take in the object that installs the zone.
Pod::Spec.new do |spec|
  spec.name = 'zcmalloc'
  spec.version = '0.1.0'
  spec.summary = 'A per-thread caching allocator as a malloc zone'
  spec.description = 'Replaces the default malloc zone of an iOS or macOS app at start.'
  spec.homepage = 'https://zcmalloc.invalid'
  spec.license = { type: 'MIT', text: 'See LICENSE.' }
  spec.authors = 'the zcmalloc authors'
  spec.source = { http: 'file:zcmalloc.xcframework' }
  spec.ios.deployment_target = '13.4'
  spec.osx.deployment_target = '11.0'
  spec.vendored_frameworks = 'zcmalloc.xcframework'
  spec.resource_bundles = { 'zcmalloc_privacy' => 'PrivacyInfo.xcprivacy' }
  spec.user_target_xcconfig = { 'OTHER_LDFLAGS' => '$(inherited) -u _zci_darwin_promotes' }
end
